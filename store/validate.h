#pragma once

#include "store/store.h"

#include <string>
#include <string_view>
#include <vector>

// What every store refuses before it writes anything: StoreError::Kind::invalid, naming
// table.column, and the row by its id where its text is refused and it has one.
namespace rruled::store {

[[noreturn]] void refuse(std::string_view table, std::string_view column, std::string_view why);
// Text is UTF-8 without NUL.
void check_text(std::string_view table, std::string_view column, const std::string& text);

void validate(const ChangeSet& changes);
void validate(const std::vector<Settlement>& batch);
void validate(const std::vector<Finish>& batch);

// Rows that come along with a schedule or a run belong to its flow.
void validate_flow(const Settlement& settlement, FlowId flow);
void validate_flow(const Finish& finish, FlowId flow);

}  // namespace rruled::store
