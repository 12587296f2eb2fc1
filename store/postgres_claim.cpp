#include "store/postgres_rows.h"
#include "store/postgres_store.h"

#include <algorithm>
#include <map>

namespace rruled::store {
namespace {

// A run that is available and was not claimed is locked by another daemon, which claims it now.
constexpr milliseconds kLockedRunRetry{250};

// A project's claimable runs: one range of the index incomplete_claimable.
struct Lane {
  std::int64_t project_id = 0;
  Timestamp first;  // available_at of the first
};

// One row for each lane that has runs, found by leaps through the index.
std::vector<Lane> read_lanes(Tx& tx, const std::string& executor) {
  static const std::string kFirst =
      "SELECT r.project_id, r.available_at FROM incomplete_runs r WHERE r.executor = $1 AND r." +
      std::string(kPgClaimable);
  static const std::string kInOrder = " ORDER BY r.project_id, r.available_at, r.id LIMIT 1";
  static const std::string kLanes =
      "WITH RECURSIVE lanes AS ((" + kFirst + kInOrder +
      ")"
      " UNION ALL SELECT f.project_id, f.available_at FROM lanes l CROSS JOIN LATERAL (" +
      kFirst + " AND r.project_id > l.project_id" + kInOrder +
      ") AS f)"
      " SELECT project_id, available_at FROM lanes";
  std::vector<Lane> lanes;
  for_each_row(tx.exec(kLanes, Params().add(executor)), [&](PgReader& row) {
    auto& lane = lanes.emplace_back();
    lane.project_id = row.read<std::int64_t>();
    lane.first = row.read<Timestamp>();
  });
  return lanes;
}

struct Candidate {
  Timestamp available_at;
  RunId id;
  std::int64_t project_id = 0;

  friend auto operator<=>(const Candidate&, const Candidate&) = default;
};

// Up to `share` runs of each lane after the claimed ones, locked.
std::vector<Candidate> lock_candidates(Tx& tx,
                                       const std::string& executor,
                                       const std::vector<Lane>& lanes,
                                       std::size_t share) {
  static const std::string kCandidates =
      "SELECT r.available_at, r.id, l.project_id FROM unnest($2::bigint[]) AS l(project_id)"
      " CROSS JOIN LATERAL (SELECT r.available_at, r.id FROM incomplete_runs o"
      "  JOIN runs r ON r.id = o.id"
      "  WHERE o.executor = $1 AND o.project_id = l.project_id AND o." +
      std::string(kPgClaimable) + " AND o.available_at <= $3::bigint AND r." + kPgClaimable +
      "  AND r.available_at <= $3::bigint ORDER BY o.available_at, o.id LIMIT $4::bigint"
      "  FOR UPDATE OF r SKIP LOCKED) AS r";
  Params params;
  params.add(executor).add_each(lanes, [](auto& lane) { return lane.project_id; });
  params.add(tx.now()).add(pg_limit(share));
  std::vector<Candidate> found;
  for_each_row(tx.exec(kCandidates, params), [&](PgReader& row) {
    auto& each = found.emplace_back();
    each.available_at = row.read<Timestamp>();
    each.id = row.read<RunId>();
    each.project_id = row.read<std::int64_t>();
  });
  std::ranges::sort(found);
  return found;
}

// Of the sorted candidates: the first of each project, then the second of each, .. up to `limit`.
std::vector<RunId> share_out(const std::vector<Candidate>& sorted, std::size_t limit) {
  std::map<std::int64_t, std::size_t> taken;
  std::vector<std::pair<std::size_t, RunId>> turns;
  for (const auto& each : sorted) turns.emplace_back(taken[each.project_id]++, each.id);
  std::ranges::stable_sort(turns, {}, [](auto& turn) { return turn.first; });
  std::vector<RunId> ids;
  for (const auto& [turn, id] : turns)
    if (ids.size() < limit) ids.push_back(id);
  return ids;
}

void claim_runs(Tx& tx,
                const std::vector<RunId>& ids,
                const Claimant& claimant,
                milliseconds claim_ttl,
                std::vector<Run>& claimed) {
  // The fence counts for each run: with the owner, who is new at each start, it names one claim.
  static const std::string kClaim =
      "WITH claimed AS (UPDATE runs SET status = 'dispatching', attempts = attempts + 1,"
      "  owner = $2::uuid, fence = fence + 1, claimed_at = $3::bigint, claimed_until = $4::bigint"
      "  WHERE id = ANY($1::uuid[]) AND " +
      std::string(kPgPlainStatus) +
      " IN ('pending', 'retrying') RETURNING *),"
      " moved AS (UPDATE incomplete_runs o SET status = 'dispatching', owner = $2::uuid"
      "  FROM claimed c WHERE o.run = c.number)"
      " SELECT " +
      pg_columns<Run>() + " FROM claimed JOIN run_bodies ON run = number";
  Params params;
  params.add_all(ids).add(claimant.owner).add(tx.now()).add(tx.now() + claim_ttl);
  for (auto& run : read_table<Run>(tx.exec(kClaim, params))) claimed.push_back(std::move(run));
}

}  // namespace

ClaimResult PostgresStore::claim(const ClaimRequest& request, Timestamp now) {
  return connection_->write(now, [&](Tx& tx) {
    ClaimResult result;
    auto lanes = read_lanes(tx, request.executor);
    const auto next_of = [](const std::vector<Lane>& all) {
      std::optional<Timestamp> next;
      for (const auto& lane : all) next = std::min(next.value_or(lane.first), lane.first);
      return next;
    };
    const auto is_later = [&](const Lane& lane) { return lane.first > tx.now(); };
    auto open = lanes;
    std::erase_if(open, is_later);
    while (!open.empty() && result.runs.size() < request.limit) {
      // Rounds of equal shares: what one project leaves goes to the others in the next.
      const auto left = request.limit - result.runs.size();
      const auto share = (left + open.size() - 1) / open.size();
      const auto candidates = lock_candidates(tx, request.executor, open, share);
      std::map<std::int64_t, std::size_t> found;
      for (const auto& each : candidates) ++found[each.project_id];
      const auto ids = share_out(candidates, left);
      claim_runs(tx, ids, request.claimant, connection_->options().claim_ttl, result.runs);
      std::erase_if(open, [&](const Lane& lane) { return found[lane.project_id] < share; });
    }
    if (!result.runs.empty()) lanes = read_lanes(tx, request.executor);
    result.next_available = next_of(lanes);
    const bool full = result.runs.size() == request.limit;
    if (!full && result.next_available && *result.next_available <= tx.now())
      result.next_available = tx.now() + kLockedRunRetry;
    std::ranges::sort(result.runs, {},
                      [](const Run& run) { return std::pair(run.available_at, run.id); });
    return result;
  });
}

std::vector<Run> PostgresStore::held(const Claimant& claimant) {
  static const std::string kHeld =
      "SELECT " + pg_columns<Run>("r.") +
      " FROM incomplete_runs o JOIN run_rows r ON r.id = o.id"
      " WHERE o.status = 'dispatching' AND o.owner = $1::uuid ORDER BY r.id";
  return connection_->read(
      [&](Tx& tx) { return read_table<Run>(tx.exec(kHeld, Params().add(claimant.owner))); });
}

void PostgresStore::hand_back(const std::vector<HandBack>& batch, const Claimant& claimant) {
  static const std::string kHandBack =
      "UPDATE runs r SET attempts = r.attempts - 1,"
      " status = CASE WHEN r.attempts = 1 THEN 'pending' ELSE 'retrying' END,"
      " available_at = coalesce(r.available_at, r.due_at), claimed_until = NULL"
      " FROM unnest($1::uuid[], $2::bigint[]) AS i(run_id, run_fence) WHERE r.id = i.run_id"
      " AND r.owner = $3::uuid AND r.fence = i.run_fence AND " +
      std::string(kPgPlainStatus) + " = 'dispatching'";
  if (batch.empty()) return;
  auto sorted = batch;
  std::ranges::sort(sorted, {}, &HandBack::run_id);
  connection_->write(Timestamp{}, [&](Tx& tx) {
    Params params;
    params.add_each(sorted, [](const HandBack& each) { return each.run_id; });
    params.add_each(sorted, [](const HandBack& each) { return each.fence; });
    tx.exec(kHandBack, params.add(claimant.owner));
  });
}

}  // namespace rruled::store
