#pragma once

#include "store/audience.h"

#include <string>
#include <vector>

// Persons, and which of them a filter means: one table for every store.
namespace rruled::test {

struct FilterRow {
  std::string properties;  // JSON: what filters.properties holds
  std::string expected;    // distinct ids, in alphabetical order, between blanks
};

// By which relative dates are read: 2026-01-17T12:00:00Z.
[[nodiscard]] store::Timestamp table_now();
[[nodiscard]] const std::vector<store::PersonPut>& table_persons();
[[nodiscard]] const std::vector<FilterRow>& filter_table();
// Throws when it is none.
[[nodiscard]] store::PersonFilter filter_of(const std::string& properties);
// {"distinct_id", "properties"} of project 1, with the n-th id.
[[nodiscard]] store::PersonPut person_of(int n, const std::string& json);

}  // namespace rruled::test
