#include "store/postgres_connection.h"
#include "store/postgres_numbers.h"

namespace rruled::store {
namespace {

using Kind = StoreError::Kind;

struct Meaning {
  const char* sqlstate;  // or the beginning of it
  Kind kind;
  const char* next;
};

// Of several that fit, the first. PostgreSQL's manual, appendix A.
constexpr Meaning kMeanings[] = {
    {"08", Kind::unavailable, "check the server and the network; tried again"},
    {"25006", Kind::unavailable,
     "this server cannot be written (a standby?): name all hosts in the URL,"
     " without target_session_attrs"},
    {"25P03", Kind::unavailable, "the transaction took too long and was rolled back: tried again"},
    {"40", Kind::unavailable, "other transactions were in the way: tried again"},
    {"53100", Kind::full, "free some space on the database's disk; nothing was written"},
    {"53300", Kind::unavailable, "raise max_connections, or use a pooler"},
    {"53", Kind::unavailable, "the server has not enough resources: tried again"},
    {"55P03", Kind::unavailable, "another transaction holds a lock for long: tried again"},
    {"57014", Kind::unavailable, "the statement took too long: tried again"},
    {"57P", Kind::unavailable, "the server is stopping or starting: tried again"},
    {"42P01", Kind::schema, "a table is missing: run `rruled migrate`, or start the daemon"},
    {"42703", Kind::schema, "a column is missing: run `rruled migrate`, or start the daemon"},
    {"3F000", Kind::schema, "the schema is missing: run `rruled migrate`, or start the daemon"},
    {"42501", Kind::read_only, "grant the role what the README lists under \"PostgreSQL: roles\""},
    {"42P05", Kind::fault, "set store.pooler = true: a pooler is in between"},
    {"26000", Kind::fault, "set store.pooler = true: a pooler is in between"},
    {"23505", Kind::fault, "nothing was written: another row has this key"},
    {"22", Kind::invalid, "nothing was written: correct the row"},
    {"23", Kind::invalid, "nothing was written: correct the row"},
    {"54", Kind::invalid, "nothing was written: the row is too large"},
    {"58", Kind::fault, "check the server's disk and its file system"},
    {"XX001", Kind::corrupt, "restore a backup, or see pg_amcheck"},
    {"XX002", Kind::corrupt, "rebuild the index (REINDEX), or see pg_amcheck"},
};

std::string first_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (auto& c : text)
    if (c == '\n') c = ' ';
  return text;
}

}  // namespace

StoreError translate(const std::exception& error, const std::string& shown) {
  const auto say = [&](Kind kind, const std::string& next) {
    return StoreError(kind, "store " + shown + ": " + first_line(error.what()) + "; " + next);
  };
  if (const auto* sql = dynamic_cast<const pqxx::sql_error*>(&error)) {
    // libpqxx 6.4 gives this class no state.
    const bool denied = dynamic_cast<const pqxx::insufficient_privilege*>(&error) != nullptr;
    const std::string sqlstate = denied ? "42501" : sql->sqlstate();
    if (sqlstate == "23505" && names_number(error.what())) return say(Kind::fault, kNumberTaken);
    for (const auto& meaning : kMeanings)
      if (sqlstate.starts_with(meaning.sqlstate)) return say(meaning.kind, meaning.next);
    return say(Kind::fault, "nothing was written: please report this");
  }
  if (dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr)
    return say(Kind::unavailable, "check the server, the network and the URL; tried again");
  if (dynamic_cast<const pqxx::in_doubt_error*>(&error) != nullptr ||
      dynamic_cast<const pqxx::transaction_rollback*>(&error) != nullptr)
    return say(Kind::unavailable, "tried again");
  return say(Kind::fault, "please report this");
}

}  // namespace rruled::store
