#include "store/postgres_url.h"

#include "store/errors.h"

#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>

namespace rruled::store {
namespace {

using Options = std::map<std::string, std::string>;

Options parse(const std::string& url) {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(url.c_str(), &why), &PQconninfoFree);
  // The reason may quote the URL, and with it the password.
  PQfreemem(why);
  if (!parsed)
    throw StoreError(StoreError::Kind::fault,
                     "store: the URL cannot be read (not shown: it may hold a password); write "
                     "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETER=VALUE with the "
                     "parameters of libpq, special characters as %XX");
  Options options;
  for (const auto* option = parsed.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) options[option->keyword] = option->val;
  return options;
}

std::string quote(const std::string& value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

// "db1:5432,db2:5433": the hosts with their ports, of which one may stand for all.
std::string show_hosts(const Options& options) {
  const auto find = [&](const char* name) {
    const auto found = options.find(name);
    return found == options.end() ? std::string() : found->second;
  };
  std::istringstream hosts(find("host").empty() ? find("hostaddr") : find("host"));
  std::istringstream ports(find("port"));
  std::string shown;
  std::string port;
  for (std::string host; std::getline(hosts, host, ',');) {
    if (std::string next; std::getline(ports, next, ',')) port = next;
    shown += (shown.empty() ? "" : ",") + host + (port.empty() ? "" : ":" + port);
  }
  return shown;
}

std::string conninfo_of(const Options& options) {
  std::string text;
  for (const auto& [name, value] : options) text += name + "=" + quote(value) + " ";
  return text;
}

// Lists of hosts as options of each one; the whole as it is where libpq would refuse the lists.
std::vector<Options> hosts_of(const Options& options) {
  std::map<std::string, std::vector<std::string>> lists;
  std::size_t count = 1;
  for (const char* name : {"host", "hostaddr", "port"}) {
    const auto found = options.find(name);
    if (found == options.end()) continue;
    auto& list = lists[name];
    std::istringstream in(found->second);
    for (std::string each; std::getline(in, each, ',');) list.push_back(each);
    count = std::max(count, list.size());
  }
  std::vector<Options> hosts(count, options);
  for (const auto& [name, list] : lists) {
    if (list.size() != count && (name != "port" || list.size() != 1)) return {options};
    for (std::size_t i = 0; i < count; ++i) hosts[i][name] = list.size() == 1 ? list[0] : list[i];
  }
  return hosts;
}

}  // namespace

PgAddress parse_postgres_url(const std::string& url, bool read_only) {
  auto options = parse(url);
  PgAddress address;
  address.shown = "postgresql://" + show_hosts(options) + "/" + options["dbname"];
  if (options["dbname"].empty()) options.erase("dbname");
  const Options defaults = {
      {"application_name", "rruled"}, {"connect_timeout", "5"},  // s, for each host
      {"tcp_user_timeout", "8000"},  // ms that sent bytes may stay unanswered
      {"keepalives_idle", "5"},      // s
      {"keepalives_interval", "2"},  // s
      {"keepalives_count", "3"},     // and then it is dead
      {"client_encoding", "UTF8"},
  };
  for (const auto& [name, value] : defaults) options.emplace(name, value);
  for (const auto& host : hosts_of(options)) address.hosts.push_back(conninfo_of(host));
  options.emplace("target_session_attrs", read_only ? "any" : "read-write");
  address.conninfo = conninfo_of(options);
  return address;
}

}  // namespace rruled::store
