#include "store/postgres_directory.h"
#include "store/postgres_runs.h"
#include "store/run_rules.h"

#include <boost/algorithm/hex.hpp>

namespace rruled::store {
namespace {

const std::string& pg_token_columns() {
  static const std::string kColumns =
      "id, project_id, name, encode(hash, 'hex'), scopes, created_at, expires_at, revoked_at,"
      " last_used_at";
  return kColumns;
}

std::string hex(const std::string& bytes) { return boost::algorithm::hex_lower(bytes); }

Token read_token(PgReader& row) {
  Token token;
  token.id = row.read<TokenId>();
  token.project_id = row.read<std::optional<std::int64_t>>();
  token.name = row.read<std::string>();
  token.hash = boost::algorithm::unhex(row.read<std::string>());
  token.scopes = row.read<std::string>();
  token.created_at = row.read<Timestamp>();
  token.expires_at = row.read<std::optional<Timestamp>>();
  token.revoked_at = row.read<std::optional<Timestamp>>();
  token.last_used_at = row.read<std::optional<Timestamp>>();
  return token;
}

}  // namespace

void PostgresDirectory::add_token(const Token& token, const AuditEntry& entry) {
  static const std::string kInsert =
      "INSERT INTO tokens (id, project_id, name, hash, scopes, created_at, expires_at, revoked_at,"
      " last_used_at) VALUES ($1::uuid, $2::bigint, $3, decode($4, 'hex'), $5, $6::bigint,"
      " $7::bigint, $8::bigint, $9::bigint)";
  Params params;
  params.add(token.id).add(token.project_id).add(token.name).add(hex(token.hash));
  params.add(token.scopes).add(token.created_at).add(token.expires_at).add(token.revoked_at);
  params.add(token.last_used_at);
  connection_.write(token.created_at, [&](Tx& tx) {
    tx.exec(kInsert, params);
    insert_audit(tx, {&entry});
  });
}

std::optional<Token> PostgresDirectory::token_by_hash(const std::string& hash) {
  static const std::string kSelect =
      "SELECT " + pg_token_columns() + " FROM tokens WHERE hash = decode($1, 'hex')";
  return connection_.read([&](Tx& tx) -> std::optional<Token> {
    const auto found = tx.exec(kSelect, Params().add(hex(hash)));
    if (found.empty()) return std::nullopt;
    PgReader row(found, 0);
    return read_token(row);
  });
}

std::vector<Token> PostgresDirectory::tokens() {
  static const std::string kSelect =
      "SELECT " + pg_token_columns() + " FROM tokens ORDER BY created_at, id";
  return connection_.read([&](Tx& tx) {
    std::vector<Token> all;
    for_each_row(tx.exec(kSelect), [&](PgReader& row) { all.push_back(read_token(row)); });
    return all;
  });
}

bool PostgresDirectory::revoke_token(TokenId id, Timestamp now, const AuditEntry& entry) {
  static const std::string kRevoke =
      "UPDATE tokens SET revoked_at = coalesce(revoked_at, $2::bigint) WHERE id = $1::uuid"
      " RETURNING id";
  return connection_.write(now, [&](Tx& tx) {
    if (tx.exec(kRevoke, Params().add(id).add(now)).empty()) return false;
    insert_audit(tx, {&entry});
    return true;
  });
}

void PostgresDirectory::touch_token(TokenId id, Timestamp now) {
  static const std::string kTouch =
      "UPDATE tokens SET last_used_at = $2::bigint WHERE id = $1::uuid";
  connection_.write(now, [&](Tx& tx) { tx.exec(kTouch, Params().add(id).add(now)); });
}

std::string PostgresDirectory::remember_request(const boost::uuids::uuid& made,
                                                const std::string& digest) {
  static const std::string kInsert =
      "INSERT INTO requests (made, digest) VALUES ($1::uuid, $2) ON CONFLICT DO NOTHING";
  static const std::string kSelect = "SELECT digest FROM requests WHERE made = $1::uuid";
  const Id<struct MadeTag> id{made};
  return connection_.write(Timestamp{}, [&](Tx& tx) {
    tx.exec(kInsert, Params().add(id).add(digest));
    return PgReader(tx.exec(kSelect, Params().add(id)), 0).read<std::string>();
  });
}

CancelResult PostgresDirectory::cancel_run(RunId id,
                                           const std::string& reason,
                                           Timestamp now,
                                           const AuditEntry& entry) {
  static const std::string kSchedule = "SELECT schedule_id FROM runs WHERE id = $1::uuid";
  static const std::string kLock =
      "SELECT max_running FROM schedules WHERE id = $1::uuid FOR UPDATE";
  static const std::string kStatus = "SELECT status FROM runs WHERE id = $1::uuid FOR UPDATE";
  return connection_.write(now, [&](Tx& tx) {
    const auto owner = tx.exec(kSchedule, Params().add(id));
    if (owner.empty()) return CancelResult::missing;
    lock_meta(tx);
    const auto schedule = PgReader(owner, 0).read<std::optional<ScheduleId>>();
    std::size_t max_running = 1;
    if (schedule) {
      const auto locked = tx.exec(kLock, Params().add(*schedule));
      if (!locked.empty()) max_running = PgReader(locked, 0).read<std::size_t>();
    }
    const auto found = tx.exec(kStatus, Params().add(id));
    if (found.empty()) return CancelResult::missing;
    const auto status = PgReader(found, 0).read<RunStatus>();
    if (is_final(status)) return CancelResult::ended;
    if (status != RunStatus::waiting && !is_claimable(status)) {
      if (is_open_job(tx, id)) return CancelResult::under_way;
      if (!keep_wish(tx, id, reason, connection_.options())) return CancelResult::under_way;
      insert_audit(tx, {&entry});
      return CancelResult::asked;
    }
    cancel_runs(tx, {id}, reason);
    insert_audit(tx, {&entry});
    if (schedule && holds_slot(status))
      if (const auto waiting = next_waiting(tx, *schedule, max_running)) {
        release_runs(tx, {*waiting});
        tell_of_runs(tx, connection_.options());
      }
    return CancelResult::cancelled;
  });
}

}  // namespace rruled::store
