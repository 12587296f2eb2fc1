#include "store/postgres_connection.h"

#include "store/migrate.h"

namespace rruled::store {
namespace {

constexpr int kAttemptsMax = 5;

bool is_missing_statement(const std::string& sqlstate) {
  return sqlstate == "26000" || sqlstate == "42P05";  // not there, there already
}

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

pqxx::result Tx::exec_text(const std::string& sql) { return connection_.exec_text(sql); }

PgConnection::PgConnection(PgAddress address, OpenMode mode, PostgresOptions options)
    : address_(std::move(address)),
      mode_(mode),
      options_(std::move(options)),
      begin_write_(begin_sql(options_, TransactionKind::write)),
      begin_read_(begin_sql(options_, TransactionKind::snapshot)),
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

void PgConnection::connect() {
  close();
  connection_ = std::make_unique<pqxx::connection>(address_.conninfo);
  quiet_ = std::make_unique<pqxx::quiet_errorhandler>(*connection_);
  forbid_silent_reconnect(*connection_);
}

pqxx::nontransaction& PgConnection::channel() {
  if (!channel_) channel_ = std::make_unique<pqxx::nontransaction>(*connection_);
  return *channel_;
}

pqxx::result PgConnection::exec_text(const std::string& sql) { return channel().exec(sql); }

pqxx::result PgConnection::exec(const std::string& sql, const Params& params) {
  const auto pointers = params.pointers();
  const auto dynamic = pqxx::prepare::make_dynamic_params(pointers);
  if (!prepares_) return channel().exec_params(sql, dynamic);
  auto& name = prepared_[&sql];
  if (name.empty()) {
    // Named by its text: whatever pooler is in between, the name never means another statement.
    name = "rruled_" + checksum(sql);
    connection_->prepare(name, sql);
  }
  return channel().exec_prepared(name, dynamic);
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
    } catch (const pqxx::pqxx_exception&) {
      // Broken while nobody used it: nothing is lost yet.
      if (connection_->is_open()) throw;
    }
  }
  connect();
  return judged(clock());
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
      roll_back();
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
