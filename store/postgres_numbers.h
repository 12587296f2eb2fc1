#pragma once

#include "store/postgres_connection.h"

#include <string>
#include <vector>

// Numbers of rows come from sequences. A restore of the rows alone, or a switch to a server that
// follows by logical replication, leaves those behind.
namespace rruled::store {

// A statement for each sequence whose next number is of a row that is there, or of one before it:
// what sets it right. Of those that the role may read; nothing is written, also on a standby.
[[nodiscard]] std::vector<std::string> statements_for_numbers(Tx& tx);

// Throws StoreError `schema` with these statements when there are any.
void check_numbers(Tx& tx, const PgConnection& connection);

// What to do about a row that was refused as another one has its number.
inline constexpr char kNumberTaken[] =
    "nothing was written: new rows get numbers that others have,"
    " as after a restore without sequences; `rruled doctor` says what sets them right";
// Whether a text of PostgreSQL names the key of such a number.
[[nodiscard]] bool names_number(const std::string& text);

}  // namespace rruled::store
