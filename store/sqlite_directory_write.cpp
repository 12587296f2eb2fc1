#include "store/run_rules.h"
#include "store/sqlite_directory.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_runs.h"

namespace rruled::store {
namespace {

const std::string& token_columns() {
  static const std::string kColumns =
      "id, project_id, name, hash, scopes, created_at, expires_at, revoked_at, last_used_at";
  return kColumns;
}

Token read_token(Query& query) {
  Token token;
  token.id = query.read<TokenId>();
  token.project_id = query.read<std::optional<std::int64_t>>();
  token.name = query.read<std::string>();
  token.hash = query.read<std::string>();
  token.scopes = query.read<std::string>();
  token.created_at = query.read<Timestamp>();
  token.expires_at = query.read<std::optional<Timestamp>>();
  token.revoked_at = query.read<std::optional<Timestamp>>();
  token.last_used_at = query.read<std::optional<Timestamp>>();
  return token;
}

}  // namespace

void SqliteDirectory::add_token(const Token& token, const AuditEntry& entry) {
  static const std::string kInsert = "INSERT INTO tokens (" + token_columns() +
                                     ") VALUES (?, ?, ?, CAST(? AS BLOB), ?, ?, ?, ?, ?)";
  connection_->write([&] {
    Query query(*connection_, kInsert);
    query.bind(token.id)
        .bind(token.project_id)
        .bind(token.name)
        .bind(token.hash)
        .bind(token.scopes);
    query.bind(token.created_at).bind(token.expires_at).bind(token.revoked_at);
    query.bind(token.last_used_at).run();
    insert_audit(*connection_, entry);
  });
}

std::optional<Token> SqliteDirectory::token_by_hash(const std::string& hash) {
  static const std::string kSelect =
      "SELECT " + token_columns() + " FROM tokens WHERE hash = CAST(? AS BLOB)";
  return connection_->guarded([&]() -> std::optional<Token> {
    Query query(*connection_, kSelect);
    if (!query.bind(hash).step()) return std::nullopt;
    return read_token(query);
  });
}

std::vector<Token> SqliteDirectory::tokens() {
  static const std::string kSelect =
      "SELECT " + token_columns() + " FROM tokens ORDER BY created_at, id";
  return connection_->guarded([&] {
    std::vector<Token> all;
    Query query(*connection_, kSelect);
    while (query.step()) all.push_back(read_token(query));
    return all;
  });
}

bool SqliteDirectory::revoke_token(TokenId id, Timestamp now, const AuditEntry& entry) {
  static const std::string kRevoke =
      "UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?";
  return connection_->write([&] {
    if (Query(*connection_, kRevoke).bind(now).bind(id).run() == 0) return false;
    insert_audit(*connection_, entry);
    return true;
  });
}

void SqliteDirectory::touch_token(TokenId id, Timestamp now) {
  static const std::string kTouch = "UPDATE tokens SET last_used_at = ? WHERE id = ?";
  connection_->write([&] { Query(*connection_, kTouch).bind(now).bind(id).run(); });
}

std::string SqliteDirectory::remember_request(const boost::uuids::uuid& made,
                                              const std::string& digest) {
  static const std::string kInsert =
      "INSERT INTO requests (made, digest) VALUES (?, ?) ON CONFLICT DO NOTHING";
  static const std::string kSelect = "SELECT digest FROM requests WHERE made = ?";
  const Id<struct MadeTag> id{made};
  return connection_->write([&] {
    Query(*connection_, kInsert).bind(id).bind(digest).run();
    Query query(*connection_, kSelect);
    query.bind(id).step();
    return query.read<std::string>();
  });
}

CancelResult SqliteDirectory::cancel_run(RunId id,
                                         const std::string& reason,
                                         Timestamp now,
                                         const AuditEntry& entry) {
  static const std::string kFind =
      "SELECT r.status, r.schedule_id, coalesce(s.max_running, 1) FROM runs r"
      " LEFT JOIN schedules s ON s.id = r.schedule_id WHERE r.id = ?";
  static const std::string kCancel =
      "UPDATE runs SET status = 'cancelled', reason = ?, available_at = NULL, finished_at = ?"
      " WHERE id = ?";
  return store_.connection().write([&] {
    RunStatus status{};
    std::optional<ScheduleId> schedule;
    std::size_t max_running = 1;
    {
      Query query(*connection_, kFind);
      if (!query.bind(id).step()) return CancelResult::missing;
      status = query.read<RunStatus>();
      schedule = query.read<std::optional<ScheduleId>>();
      max_running = query.read<std::size_t>();
    }
    if (is_final(status)) return CancelResult::ended;
    if (status != RunStatus::waiting && !is_claimable(status)) {
      if (is_open_job(*connection_, id)) return CancelResult::under_way;
      if (!keep_wish(*connection_, id, reason, now)) return CancelResult::under_way;
      insert_audit(*connection_, entry);
      return CancelResult::asked;
    }
    Query(*connection_, kCancel).bind(reason).bind(now).bind(id).run();
    insert_audit(*connection_, entry);
    if (schedule && holds_slot(status) && release_one(*connection_, *schedule, max_running, now))
      tell_of_runs(*connection_);
    return CancelResult::cancelled;
  });
}

}  // namespace rruled::store
