#include "store/postgres_rows.h"
#include "store/postgres_store.h"

#include <limits>
#include <unordered_set>

namespace rruled::store {
namespace {

// A daemon that was not seen for so long is forgotten.
constexpr auto kForgetAfter = std::chrono::hours(24 * 7);

// What has lapsed, whoever held it. Fence and owner stay, so that a late success counts until
// somebody claims the run again.
std::size_t recover_lapsed(Tx& tx, std::size_t limit) {
  static const std::string kRecover =
      "WITH lapsed AS (SELECT r.id FROM incomplete_runs o JOIN runs r ON r.id = o.id"
      "  WHERE o.status = 'dispatching' AND r.status = 'dispatching'"
      "  AND r.claimed_until <= $1::bigint ORDER BY r.claimed_until, r.id LIMIT $2::bigint"
      "  FOR UPDATE OF r SKIP LOCKED),"
      " recovered AS (UPDATE runs r SET status = 'retrying', reason = '',"
      " available_at = $1::bigint,"
      " started_at = coalesce(r.started_at, r.claimed_at)"
      "  FROM lapsed WHERE r.id = lapsed.id RETURNING r.number, r.attempts, r.claimed_at)"
      " INSERT INTO attempts (run, number, started_at, finished_at, outcome, error)"
      " SELECT number, attempts, claimed_at, $1::bigint, 'interrupted', '' FROM recovered"
      " ON CONFLICT (run, number) DO UPDATE SET started_at = excluded.started_at,"
      " finished_at = excluded.finished_at, outcome = excluded.outcome, status_code = NULL,"
      " error = excluded.error RETURNING 1";
  return tx.exec(kRecover, Params().add(tx.now()).add(pg_limit(limit))).size();
}

}  // namespace

Session PostgresStore::begin_session(OwnerId owner, Timestamp now) {
  static const std::string kBegin =
      "UPDATE meta SET epoch = epoch + 1 WHERE one = 1 RETURNING epoch, revision,"
      " (SELECT coalesce(max(seen_at), 0) FROM daemons)";
  static const std::string kForget = "DELETE FROM daemons WHERE seen_at < $1::bigint";
  static const std::string kSeen =
      "INSERT INTO daemons (owner, epoch, started_at, seen_at)"
      " VALUES ($1::uuid, $2::bigint, $3::bigint, greatest($3::bigint, $4::bigint))"
      " ON CONFLICT (owner) DO UPDATE SET epoch = excluded.epoch,"
      " started_at = excluded.started_at, seen_at = greatest(daemons.seen_at, excluded.seen_at)";
  auto begun = connection_->write(now, [&](Tx& tx) {
    Session session;
    const auto result = tx.exec(kBegin);
    PgReader row(result, 0);
    session.claimant = {owner, row.read<std::int64_t>()};
    session.revision = row.read<std::int64_t>();
    session.high_water = row.read<Timestamp>();
    session.claim_ttl = connection_->options().claim_ttl;
    tx.exec(kForget, Params().add(tx.now() - kForgetAfter));
    Params params;
    params.add(owner).add(session.claimant.epoch).add(tx.now()).add(session.high_water);
    tx.exec(kSeen, params);
    session.recovered = recover_lapsed(tx, std::numeric_limits<std::size_t>::max());
    return session;
  });
  // Its revision is this server's: see changes_since().
  changes_read_by_ = connection_->times_made();
  return begun;
}

std::vector<HeldClaim> PostgresStore::extend(const Claimant& claimant, Timestamp now) {
  static const std::string kOfMine =
      " FROM incomplete_runs o JOIN runs r ON r.id = o.id"
      " WHERE o.status = 'dispatching' AND o.owner = $1::uuid AND r.status = 'dispatching'"
      " AND r.owner = $1::uuid ORDER BY r.id";
  // One that somebody has locked lets the others lapse no sooner.
  static const std::string kExtend =
      "WITH mine AS (SELECT r.id" + kOfMine +
      " FOR UPDATE OF r SKIP LOCKED)"
      " UPDATE runs r SET claimed_until = $2::bigint FROM mine WHERE r.id = mine.id RETURNING r.id";
  static const std::string kMine = "SELECT r.id, r.fence" + kOfMine;
  static const std::string kSeen =
      "UPDATE daemons SET seen_at = greatest(seen_at, $2::bigint) WHERE owner = $1::uuid";
  return connection_->write(now, [&](Tx& tx) {
    Params params;
    params.add(claimant.owner).add(tx.now() + connection_->options().claim_ttl);
    const auto ids = read_values<RunId>(tx.exec(kExtend, params));
    const std::unordered_set<RunId> extended(ids.begin(), ids.end());
    std::vector<HeldClaim> claims;
    for_each_row(tx.exec(kMine, Params().add(claimant.owner)), [&](PgReader& row) {
      auto& claim = claims.emplace_back();
      claim.run_id = row.read<RunId>();
      claim.fence = row.read<std::int64_t>();
      claim.extended = extended.contains(claim.run_id);
    });
    tx.exec(kSeen, Params().add(claimant.owner).add(tx.now()));
    return claims;
  });
}

std::size_t PostgresStore::recover(std::size_t limit, Timestamp now) {
  return connection_->write(now, [&](Tx& tx) { return recover_lapsed(tx, limit); });
}

std::optional<Timestamp> PostgresStore::clock() {
  if (connection_->options().clock == PostgresOptions::Clock::caller) return std::nullopt;
  return connection_->read([](Tx& tx) { return tx.now(); });
}

std::string PostgresStore::zones_version() {
  static const std::string kVersion = "SELECT zones_version FROM meta WHERE one = 1";
  return connection_->read([](Tx& tx) {
    const auto result = tx.exec(kVersion);
    return PgReader(result, 0).read<std::string>();
  });
}

void PostgresStore::set_zones_version(const std::string& version) {
  static const std::string kSet = "UPDATE meta SET zones_version = $1 WHERE one = 1";
  connection_->write(Timestamp{}, [&](Tx& tx) { tx.exec(kSet, Params().add(version)); });
}

}  // namespace rruled::store
