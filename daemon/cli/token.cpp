#include "daemon/cli/token.h"

#include "daemon/cli/arguments.h"
#include "daemon/cli/lookup.h"
#include "daemon/cli/output.h"
#include "daemon/core/audit.h"
#include "daemon/core/duration.h"
#include "daemon/core/time_text.h"
#include "daemon/io/api_token.h"
#include "store/directory.h"

#include <algorithm>
#include <iostream>
#include <memory>

namespace rruled::cli {
namespace {

namespace json = boost::json;
using store::Token;

struct TokenOptions {
  std::string name, scope = "read", expires_in, token;
  std::int64_t project = 0;  // 0: none was given
  bool all_projects = false;
  Format format = Format::table;
};

// The store opened for writing with what keeps its tokens.
std::unique_ptr<store::Directory> directory(Session& session) {
  return session.store_to_write().directory();
}

core::AuditSubject subject_of(const Token& token) {
  return {token.project_id, "token", to_string(token.id)};
}

std::string state(const Token& token, store::Timestamp now) {
  if (token.revoked_at) return "revoked";
  return token.expires_at && *token.expires_at <= now ? "expired" : "valid";
}

json::object to_json(const Token& token, store::Timestamp now) {
  return {{"id", to_string(token.id)},
          {"name", token.name},
          {"project_id", token.project_id ? json::value(*token.project_id) : json::value("*")},
          {"scopes", token.scopes},
          {"state", state(token, now)},
          {"created_at", core::iso_microseconds(token.created_at)},
          {"expires_at", core::time_or_null(token.expires_at)},
          {"revoked_at", core::time_or_null(token.revoked_at)},
          {"last_used_at", core::time_or_null(token.last_used_at)}};
}

Token described(Session& session, const TokenOptions& options) {
  if ((options.project == 0) != options.all_projects)
    throw Failure(kUsage, "say either --project N, or --all-projects");
  Token token;
  token.id = store::TokenId{store::random_uuid_v7(session.now())};
  if (!options.all_projects) token.project_id = options.project;
  token.name = options.name;
  token.scopes = options.scope == "write" ? "hog_flow:read hog_flow:write" : "hog_flow:read";
  token.created_at = session.now();
  if (options.expires_in.empty()) return token;
  const auto duration = core::parse_duration(options.expires_in);
  if (!duration || duration->count() == 0)
    throw Failure(kUsage, "--expires-in: a duration such as 90d or 12h");
  token.expires_at = session.now() + *duration;
  return token;
}

int create(Session& session, const TokenOptions& options) {
  Token token = described(session, options);
  const std::string text = io::new_api_token();
  token.hash = io::api_token_hash(text).value();
  const json::object made = to_json(token, session.now());
  directory(session)->add_token(token, core::audit_line(session.now(), audit_actor(), "create",
                                                        subject_of(token), nullptr, &made));
  if (options.format == Format::json) {
    json::object object = to_json(token, session.now());
    object["token"] = text;
    print_object(session.out(), object);
    return 0;
  }
  session.out() << text << '\n';
  session.err() << "token " << to_string(token.id)
                << " made; it is shown this once: keep it where its user can read it\n";
  return 0;
}

int list(Session& session, const TokenOptions& options) {
  json::array items;
  Table table({"ID", "NAME", "PROJECT", "SCOPES", "STATE", "EXPIRES", "LAST USED (UTC)"});
  for (const auto& each : session.store_to_read().directory()->tokens()) {
    items.push_back(to_json(each, session.now()));
    table.add({to_string(each.id), cell(each.name, 32),
               each.project_id ? std::to_string(*each.project_id) : "*", each.scopes,
               state(each, session.now()), utc_text(each.expires_at), utc_text(each.last_used_at)});
  }
  print_rows(session.out(), options.format, items, table,
             "No tokens. `rruled token create --help` tells how to make one.");
  return 0;
}

int revoke(Session& session, const TokenOptions& options) {
  const auto tokens = directory(session);
  const Token found = find_token(*tokens, options.token);
  const json::object before = to_json(found, session.now());
  tokens->revoke_token(found.id, session.now(),
                       core::audit_line(session.now(), audit_actor(), "revoke", subject_of(found),
                                        &before, nullptr));
  session.out() << "revoked token " << to_string(found.id) << "; it opens nothing from now on\n";
  return 0;
}

void add_create(Commands& commands, CLI::App* group) {
  auto options = std::make_shared<TokenOptions>();
  auto* command =
      add_command(commands, group,
                  {"create",
                   "Makes a token of the HTTP API and shows it, once",
                   {"rruled token create --project 1 --scope write --name deploy",
                    "rruled token create --all-projects --name dashboard --expires-in 90d"}});
  command->add_option("--name", options->name, "Whose it is, for people");
  command->add_option("--project", options->project, "The project that it is for")
      ->check(positive());
  command->add_flag("--all-projects", options->all_projects, "It is for every project");
  command->add_option("--scope", options->scope, "read, or write, which includes read")
      ->check(CLI::IsMember({"read", "write"}))
      ->capture_default_str();
  command->add_option("--expires-in", options->expires_in, "Opens nothing after so long")
      ->type_name("DURATION");
  add_format(command, options->format, false);
  when_chosen(commands, command,
              [&commands, options] { return create(commands.session, *options); });
}

}  // namespace

void add_token(Commands& commands) {
  auto* group = add_group(commands, "token", "Tokens: who may use the HTTP API");
  add_create(commands, group);

  auto options = std::make_shared<TokenOptions>();
  auto* command = add_command(commands, group,
                              {"list",
                               "Lists tokens, oldest first; what they open is shown nowhere",
                               {"rruled token list", "rruled token list --format json"}});
  add_format(command, options->format, true);
  when_chosen(commands, command, [&commands, options] { return list(commands.session, *options); });

  options = std::make_shared<TokenOptions>();
  command = add_command(
      commands, group,
      {"revoke", "Ends a token, for good and at once", {"rruled token revoke 0190f6a2"}});
  command->add_option("TOKEN", options->token, "Id, or beginning of an id")->required();
  when_chosen(commands, command,
              [&commands, options] { return revoke(commands.session, *options); });
}

}  // namespace rruled::cli
