#include "store/postgres_url.h"

#include "store/errors.h"

#include <boost/system/result.hpp>
#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <sstream>
#include <string_view>
#include <system_error>

namespace rruled::store {
namespace {

using Options = std::map<std::string, std::string>;

constexpr unsigned kPortMax = 65'535;

// libpq's reason without what it quotes of the URL: that may be a password.
std::string without_quotes(const char* why) {
  std::string reason = why == nullptr ? "" : why;
  reason.erase(std::min(reason.find(": \""), reason.size()));
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();
  return reason;
}

// Options, or why there are none.
boost::system::result<Options, std::string> parse(const std::string& url) {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(url.c_str(), &why), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> reason(why, &PQfreemem);
  if (!parsed) return without_quotes(why);
  Options options;
  for (const auto* option = parsed.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) options[option->keyword] = option->val;
  return options;
}

// A password whose / or @ is not written as %XX ends where libpq finds them, and the rest of it is
// taken for hosts, ports or a database: names that are shown. It ends with an @ of its own there.
std::string stray_at(std::string_view url) {
  const auto begin = url.find("//") + 2;
  const auto first = std::min(url.find_first_of("@/", begin), url.size());
  const bool has_user = first < url.size() && url[first] == '@';
  const auto rest = url.substr(has_user ? first + 1 : begin);
  if (rest.substr(0, rest.find('?')).find('@') == std::string_view::npos) return {};
  return "there is an @ in or after the host";
}

bool is_port(const std::string& text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port <= kPortMax;
}

std::string wrong_port(const Options& options) {
  const auto found = options.find("port");
  if (found == options.end()) return {};
  std::istringstream ports(found->second);
  for (std::string port; std::getline(ports, port, ',');)
    if (!port.empty() && !is_port(port)) return "a port is not 1 to 65535";
  return {};
}

std::string mistake_of(const std::string& why) {
  return "cannot be read (not shown: it may hold a password): " + why +
         "; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETER=VALUE with the parameters"
         " of libpq, and / ? # @ % in the password as %2F %3F %23 %40 %25";
}

boost::system::result<Options, std::string> read(const std::string& url) {
  if (const auto stray = stray_at(url); !stray.empty()) return mistake_of(stray);
  auto options = parse(url);
  if (!options) return mistake_of(options.error());
  if (const auto wrong = wrong_port(*options); !wrong.empty()) return mistake_of(wrong);
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

std::string postgres_url_mistake(const std::string& url) {
  const auto options = read(url);
  return options ? std::string() : options.error();
}

PgAddress parse_postgres_url(const std::string& url, bool read_only) {
  auto parsed = read(url);
  if (!parsed) throw StoreError(StoreError::Kind::fault, "store: the URL " + parsed.error());
  Options& options = *parsed;
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
