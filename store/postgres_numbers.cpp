#include "store/postgres_numbers.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace rruled::store {
namespace {

// Those that must not come twice, each with where the last one that was given is found at once:
// runs has no index of its own for them. A line of the log may have the number of another.
struct Numbered {
  const char* table;
  std::string last;
};

const std::array<Numbered, 2>& numbered() {
  static const std::array<Numbered, 2> kNumbered{
      {{"runs", "SELECT max(run) FROM run_bodies"}, {"audit", "SELECT max(number) FROM audit"}}};
  return kNumbered;
}

}  // namespace

std::vector<std::string> statements_for_numbers(Tx& tx) {
  static const std::string kSequence =
      "SELECT name FROM pg_get_serial_sequence($1, 'number') AS name"
      " WHERE has_sequence_privilege(name, 'SELECT')";
  std::vector<std::string> statements;
  for (const auto& each : numbered()) {
    const auto last = PgReader(tx.exec(each.last), 0).read<std::optional<std::int64_t>>();
    const auto sequence = tx.exec(kSequence, Params().add(std::string(each.table)));
    if (!last || sequence.empty()) continue;
    const auto name = PgReader(sequence, 0).read<std::string>();
    const auto next =
        tx.exec_text("SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM " + name);
    if (PgReader(next, 0).read<std::int64_t>() > *last) continue;
    statements.push_back("SELECT setval('" + name + "', " + std::to_string(*last) + ")");
  }
  return statements;
}

void check_numbers(Tx& tx, const PgConnection& connection) {
  const auto statements = statements_for_numbers(tx);
  if (statements.empty()) return;
  std::string all;
  for (const auto& each : statements) all += each + "; ";
  throw StoreError(StoreError::Kind::schema,
                   "store " + connection.shown() +
                       ": new rows would get numbers that others have,"
                       " as after a restore without sequences: run, as the owner of the schema, " +
                       all + "then start again");
}

bool names_number(const std::string& text) {
  static constexpr std::array<const char*, 3> kKeys{"incomplete_runs_pkey", "run_bodies_pkey",
                                                    "audit_pkey"};
  return std::ranges::any_of(kKeys, [&](auto* key) { return text.find(key) != std::string::npos; });
}

}  // namespace rruled::store
