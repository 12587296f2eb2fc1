#include "store/postgres_connection.h"

#include "store/migrate.h"

#include <pqxx/binarystring>

#include <array>
#include <tuple>
#include <utility>

namespace rruled::store {
namespace {

constexpr int kAttemptsMax = 5;
constexpr char kReadOnlyServer[] = "25006";  // read_only_sql_transaction
constexpr char kMissingTable[] = "42P01";    // undefined_table

bool is_missing_statement(const std::string& sqlstate) {
  return sqlstate == "26000" || sqlstate == "42P05";  // not there, there already
}

// libpqxx takes parameters of a number that is known at run time as ranges, each of binary values
// or of texts, and knows no null but among texts. So they go as ranges of both in turns.
class ParamRanges {
 public:
  explicit ParamRanges(const Params& params) {
    std::size_t at = 0;
    for (const auto& value : params.values()) {
      if (value.has_value() != (at % 2 == 0)) ++at;
      if (at >= 2 * kTurns) throw std::logic_error("nulls among parameters change too often");
      if (value) {
        binaries_[at / 2].emplace_back(*value);
      } else {
        nulls_[at / 2].push_back(nullptr);
      }
    }
  }
  template <class Exec>
  auto apply(const Exec& exec) const {
    return apply(exec, std::make_index_sequence<kTurns>());
  }

 private:
  static constexpr std::size_t kTurns = 8;

  // An initializer's parts come in order.
  template <class Exec, std::size_t... I>
  auto apply(const Exec& exec, std::index_sequence<I...>) const {
    return std::apply(
        exec, std::tuple_cat(std::make_tuple(pqxx::prepare::make_dynamic_params(binaries_[I]),
                                             pqxx::prepare::make_dynamic_params(nulls_[I]))...));
  }

  std::array<std::vector<pqxx::binarystring>, kTurns> binaries_;
  std::array<std::vector<const char*>, kTurns> nulls_;
};

// libpqxx would connect again in the middle of a transaction. The call has no successor.
void forbid_silent_reconnect(pqxx::connection& connection) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
}

}  // namespace

pqxx::result Tx::exec(const std::string& sql, const Params& params) {
  return connection_.exec(sql, params);
}

pqxx::result Tx::exec_once(const std::string& sql, const Params& params) {
  return connection_.exec_once(sql, params);
}

pqxx::result Tx::exec_text(const std::string& sql) { return connection_.exec_text(sql); }

PgConnection::PgConnection(PgAddress address, OpenMode mode, PostgresOptions options)
    : address_(std::move(address)),
      mode_(mode),
      options_(std::move(options)),
      begin_write_(begin_sql(options_, TransactionKind::write)),
      begin_read_(begin_sql(
          options_,
          mode == OpenMode::read_only ? TransactionKind::any_snapshot : TransactionKind::snapshot)),
      begin_migration_(begin_migration_sql(options_)),
      prepares_(!options_.pooler) {}

PgConnection::~PgConnection() { close(); }

void PgConnection::check_writable() const {
  if (mode_ == OpenMode::read_only)
    throw StoreError(StoreError::Kind::read_only,
                     "store " + shown() + " was opened for reading: nothing was written");
}

void PgConnection::close() {
  prepared_.clear();
  channel_.reset();
  quiet_.reset();
  connection_.reset();
}

void PgConnection::connect(const std::string& conninfo) {
  close();
  connection_ = std::make_unique<pqxx::connection>(conninfo);
  quiet_ = std::make_unique<pqxx::quiet_errorhandler>(*connection_);
  forbid_silent_reconnect(*connection_);
  ++times_made_;
}

pqxx::nontransaction& PgConnection::channel() {
  if (!channel_) channel_ = std::make_unique<pqxx::nontransaction>(*connection_);
  return *channel_;
}

pqxx::result PgConnection::exec_text(const std::string& sql) { return channel().exec(sql); }

pqxx::result PgConnection::exec_once(const std::string& sql, const Params& params) {
  const auto exec = [&](const auto&... range) { return channel().exec_params(sql, range...); };
  return ParamRanges(params).apply(exec);
}

pqxx::result PgConnection::exec(const std::string& sql, const Params& params) {
  const ParamRanges ranges(params);
  const auto exec = [&](const auto&... range) {
    if (!prepares_) return channel().exec_params(sql, range...);
    auto& name = prepared_[&sql];
    if (name.empty()) {
      // Named by its text: whatever pooler is in between, the name never means another statement.
      name = "rruled_" + checksum(sql);
      connection_->prepare(name, sql);
    }
    return channel().exec_prepared(name, range...);
  };
  return ranges.apply(exec);
}

Timestamp PgConnection::begin(const std::string& sql, Timestamp caller_now) {
  const auto clock = [&] {
    const auto result = exec_text(sql);
    return PgReader(result, 0).read<Timestamp>();
  };
  const auto judged = [&](Timestamp server) {
    return options_.clock == PostgresOptions::Clock::database ? server : caller_now;
  };
  if (connection_ && connection_->is_open()) {
    try {
      return judged(clock());
    } catch (const pqxx::feature_not_supported&) {
      // Its server became a standby, which a pooler in between does not tell: as if it had broken.
    } catch (const pqxx::pqxx_exception&) {
      // Broken while nobody used it: nothing is lost yet.
      if (connection_->is_open()) throw;
    }
  }
  // Of what a pooler says of its server nothing is believed: each host is asked.
  const auto hosts = prepares_ ? std::vector{address_.conninfo} : address_.hosts;
  std::optional<pqxx::sql_error> standby;
  for (const auto& host : hosts) {
    try {
      connect(host);
      return judged(clock());
    } catch (const pqxx::feature_not_supported& error) {
      // A standby refuses BEGIN .. READ WRITE with 0A000, which elsewhere means other things.
      standby.emplace(error.what(), error.query(), kReadOnlyServer);
    } catch (const pqxx::broken_connection&) {
      if (!standby && &host == &hosts.back()) throw;
    }
  }
  throw pqxx::sql_error(*standby);
}

void PgConnection::roll_back() noexcept {
  try {
    channel_.reset();
    if (connection_ && connection_->is_open()) {
      exec_text("ROLLBACK");
      return;
    }
  } catch (const std::exception&) {
    // Closing the connection rolls back, too.
  }
  close();
}

std::optional<StoreError> PgConnection::why_no_table() noexcept {
  static const std::string kUsable =
      "SELECT has_schema_privilege(n.oid, 'USAGE'), current_user::text"
      " FROM (SELECT $1::text AS name) w LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = w.name";
  if (!connection_) return std::nullopt;
  try {
    const auto found = exec_once(kUsable, Params().add(options_.schema));
    PgReader row(found, 0);
    const auto usable = row.read<std::optional<bool>>();
    const auto role = row.read<std::string>();
    const std::string schema = "store " + shown() + ": schema \"" + options_.schema + "\"";
    if (!usable)
      return StoreError(
          StoreError::Kind::schema,
          schema + " is gone: restore a backup (`rruled migrate` makes an empty one)");
    if (!*usable)
      return StoreError(StoreError::Kind::read_only,
                        schema + " may not be used by the role \"" + role +
                            "\": grant it USAGE, and what else the README lists under \"PostgreSQL:"
                            " roles\"");
  } catch (const std::exception&) {
    close();  // what the caller was told first says enough
  }
  return std::nullopt;
}

void PgConnection::transact(const std::string& begin_text,
                            Timestamp caller_now,
                            const std::function<void(Tx&)>& work) {
  for (int attempt = 1;; ++attempt) {
    try {
      Tx tx(*this, begin(begin_text, caller_now));
      work(tx);
      exec_text("COMMIT");
      return;
    } catch (const pqxx::transaction_rollback& met_another) {
      roll_back();
      if (attempt == kAttemptsMax) throw translate(met_another, shown());
    } catch (const pqxx::sql_error& error) {
      const bool again = prepares_ && is_missing_statement(error.sqlstate());
      const auto translated = translate(error, shown());
      // The next transaction looks for a server that can be written.
      if (error.sqlstate() == kReadOnlyServer)
        close();
      else
        roll_back();
      if (error.sqlstate() == kMissingTable)
        if (const auto why = why_no_table()) throw *why;
      // A pooler in between that nobody told of.
      if (!again) throw translated;
      prepares_ = false;
    } catch (const pqxx::pqxx_exception& error) {
      const auto translated = translate(error.base(), shown());
      roll_back();
      throw translated;
    } catch (...) {
      roll_back();
      throw;
    }
  }
}

}  // namespace rruled::store
