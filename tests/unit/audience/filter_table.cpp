#include "filter_table.h"

#include "daemon/core/json_text.h"
#include "daemon/core/person_json.h"
#include "daemon/core/property_filter.h"
#include "tests/unit/store/sample.h"

#include <stdexcept>

namespace rruled::test {

store::Timestamp table_now() {
  return std::chrono::sys_days{std::chrono::year{2026} / 1 / 17} + std::chrono::hours(12);
}

store::PersonPut person_of(int n, const std::string& json) {
  const auto value = core::parse_json(json);
  if (!value) throw std::invalid_argument(json + ": " + value.error().detail);
  auto put = core::person_from_json(value->get_object(), 1, id_of<store::PersonId>(n));
  if (!put) throw std::invalid_argument(json + ": " + put.error().detail);
  return std::move(*put);
}

const std::vector<store::PersonPut>& table_persons() {
  static const std::vector<store::PersonPut> kPersons{
      person_of(1, R"({"distinct_id":"ann","properties":{"email":"Ann@Example.com","age":31,
        "vip":true,"city":"Plzeň","joined":"2026-01-10","score":"9.5","big":9007199254740993}})"),
      person_of(2, R"({"distinct_id":"bob","properties":{"email":"bob@example.org","age":"31",
        "vip":"true","joined":"2026-01-01T10:00:00+02:00","score":10,"big":9007199254740992}})"),
      person_of(3, R"({"distinct_id":"eve","properties":{"email":null,"age":7,"vip":false,
        "tags":["a","b"],"note":"","joined":20260110}})"),
      person_of(4, R"({"distinct_id":"joe","properties":{"age":-5.5,"email":"joe+x@example.com",
        "joined":"2025-12-25T00:00:00.250Z","city":"100%_sure"}})"),
      person_of(5, R"({"distinct_id":"max","properties":{"age":1e3,"email":"MAX@EXAMPLE.COM",
        "city":"PLZEŇ","joined":"yesterday","score":"abc","o'k":"'; DROP TABLE persons; --"}})"),
      person_of(6, R"({"distinct_id":"zoe"})"),
  };
  return kPersons;
}

const std::vector<FilterRow>& filter_table() {
  static const std::vector<FilterRow> kTable{
      {R"([])", "ann bob eve joe max zoe"},
      // exact, is_not: as texts, whole, with upper and lower case; lists mean any of them
      {R"([{"key":"age","value":31}])", "ann bob"},
      {R"([{"key":"age","type":"person","operator":"exact","value":"31"}])", "ann bob"},
      {R"([{"key":"age","operator":null,"value":["7",1000.0]}])", "eve max"},
      {R"([{"key":"age","operator":"exact","value":-5.50}])", "joe"},
      {R"([{"key":"vip","operator":"exact","value":true}])", "ann bob"},
      {R"([{"key":"vip","operator":"exact","value":["true","false"]}])", "ann bob eve"},
      {R"([{"key":"email","operator":"exact","value":"ann@example.com"}])", ""},
      {R"([{"key":"email","operator":"exact","value":"Ann@Example.com"}])", "ann"},
      {R"([{"key":"note","operator":"exact","value":""}])", "eve"},
      {R"([{"key":"tags","operator":"exact","value":"[\"a\",\"b\"]"}])", "eve"},
      {R"([{"key":"age","operator":"is_not","value":31}])", "eve joe max zoe"},
      {R"([{"key":"age","operator":"is_not","value":["31","7"]}])", "joe max zoe"},
      {R"([{"key":"o'k","operator":"exact","value":"'; DROP TABLE persons; --"}])", "max"},
      {R"([{"key":"big","operator":"exact","value":9007199254740993}])", "ann"},
      // icontains: any script, no wildcards
      {R"([{"key":"email","operator":"icontains","value":"EXAMPLE.com"}])", "ann joe max"},
      {R"([{"key":"email","operator":"icontains","value":["nobody","BOB@"]}])", "bob"},
      {R"([{"key":"city","operator":"icontains","value":"zeň"}])", "ann max"},
      {R"([{"key":"city","operator":"icontains","value":"ZEŇ"}])", "ann max"},
      {R"([{"key":"city","operator":"icontains","value":"%_"}])", "joe"},
      {R"([{"key":"city","operator":"icontains","value":"1__"}])", ""},
      {R"([{"key":"age","operator":"icontains","value":"1"}])", "ann bob max"},
      {R"([{"key":"note","operator":"icontains","value":""}])", "eve"},
      {R"([{"key":"email","operator":"not_icontains","value":"example.com"}])", "bob eve zoe"},
      {R"([{"key":"email","operator":"not_icontains","value":["org","+"]}])", "ann eve max zoe"},
      // regex: RE2, not anchored
      {R"([{"key":"email","operator":"regex","value":"^[a-z]+@"}])", "bob"},
      {R"([{"key":"email","operator":"regex","value":"(?i)^[a-z]+@"}])", "ann bob max"},
      {R"([{"key":"email","operator":"regex","value":"\\bexample\\.(com|org)$"}])", "bob joe"},
      {R"([{"key":"city","operator":"regex","value":"^\\p{L}+$"}])", "ann max"},
      {R"([{"key":"age","operator":"regex","value":"^\\d{2}$"}])", "ann bob"},
      {R"([{"key":"note","operator":"regex","value":"^$"}])", "eve"},
      {R"([{"key":"email","operator":"not_regex","value":"example"}])", "ann eve max zoe"},
      {R"([{"key":"age","operator":"gt","value":10},
           {"key":"email","operator":"regex","value":"@example\\.org$"}])",
       "bob"},
      {R"([{"type":"OR","values":[{"key":"age","operator":"lt","value":0},
           {"key":"email","operator":"regex","value":"^MAX"}]}])",
       "joe max"},
      // order: numbers where both are, else texts byte by byte
      {R"([{"key":"age","operator":"gt","value":7}])", "ann bob max"},
      {R"([{"key":"age","operator":"gte","value":"7"}])", "ann bob eve max"},
      {R"([{"key":"age","operator":"lt","value":31}])", "eve joe"},
      {R"([{"key":"age","operator":"lte","value":31.0}])", "ann bob eve joe"},
      {R"([{"key":"age","operator":"lt","value":-5}])", "joe"},
      {R"([{"key":"age","operator":"gt","value":1e2}])", "max"},
      {R"([{"key":"score","operator":"gt","value":9}])", "ann bob max"},
      {R"([{"key":"score","operator":"lt","value":9.75}])", "ann"},
      {R"([{"key":"score","operator":"gt","value":"a"}])", "max"},
      {R"([{"key":"score","operator":"lt","value":"a"}])", "ann bob"},
      {R"([{"key":"city","operator":"lt","value":"Z"}])", "ann joe max"},
      {R"([{"key":"city","operator":"gt","value":"PLZEŇ"}])", "ann"},
      {R"([{"key":"city","operator":"gte","value":"PLZEŇ"}])", "ann max"},
      {R"([{"key":"vip","operator":"gt","value":0}])", "ann bob eve"},
      // is_set: null is not
      {R"([{"key":"email","operator":"is_set"}])", "ann bob joe max"},
      {R"([{"key":"email","operator":"is_set","value":"is_set"}])", "ann bob joe max"},
      {R"([{"key":"note","operator":"is_set"}])", "eve"},
      {R"([{"key":"email","operator":"is_not_set"}])", "eve zoe"},
      {R"([{"key":"nothing","operator":"is_not_set","value":null}])", "ann bob eve joe max zoe"},
      // dates: numbers and other texts are none; without an offset they are UTC
      {R"([{"key":"joined","operator":"is_date_before","value":"2026-01-01"}])", "joe"},
      {R"([{"key":"joined","operator":"is_date_before","value":"2026-01-01T08:00:00.001Z"}])",
       "bob joe"},
      {R"([{"key":"joined","operator":"is_date_before","value":"2026-01-01T08:00:00Z"}])", "joe"},
      {R"([{"key":"joined","operator":"is_date_after","value":"2026-01-01T08:00:00Z"}])", "ann"},
      {R"([{"key":"joined","operator":"is_date_after","value":"2026-01-01T07:59:59Z"}])",
       "ann bob"},
      {R"([{"key":"joined","operator":"is_date_after","value":"-8d"}])", "ann"},
      {R"([{"key":"joined","operator":"is_date_after","value":"7d"}])", ""},
      {R"([{"key":"joined","operator":"is_date_before","value":"-7d"}])", "ann bob joe"},
      {R"([{"key":"joined","operator":"is_date_after","value":"-200h"}])", "ann"},
      {R"([{"key":"joined","operator":"is_date_before","value":"-1m"}])", ""},
      {R"([{"key":"joined","operator":"is_date_before","value":"-3w"}])", "joe"},
      {R"([{"key":"joined","operator":"is_date_after","value":"-1y"}])", "ann bob joe"},
      {R"([{"key":"joined","operator":"is_date_exact","value":"2026-01-10"}])", "ann"},
      {R"([{"key":"joined","operator":"is_date_exact","value":"2026-01-01"}])", "bob"},
      {R"([{"key":"joined","operator":"is_date_exact","value":"2026-01-01T08:00:00Z"}])", "bob"},
      {R"([{"key":"joined","operator":"is_date_exact","value":"2025-12-25T00:00:00Z"}])", ""},
      {R"([{"key":"joined","operator":"is_date_exact","value":"-7d"}])", "ann"},
      // groups
      {R"([{"key":"vip","value":true},{"key":"age","operator":"gt","value":30}])", "ann bob"},
      {R"({"type":"OR","values":[{"key":"vip","value":false},{"key":"age","value":1000}]})",
       "eve max"},
      {R"([{"type":"OR","values":[{"key":"vip","value":true},
           {"type":"AND","values":[{"key":"age","operator":"lt","value":10},
             {"key":"email","operator":"is_not_set"}]}]},
           {"key":"distinct","operator":"is_not_set"}])",
       "ann bob eve"},
      {R"({"type":"AND","values":[{"key":"age","operator":"is_set"},{"type":"OR","values":[
           {"key":"city","operator":"icontains","value":"plz"},
           {"key":"tags","operator":"is_set"}]}]})",
       "ann eve max"},
  };
  return kTable;
}

store::PersonFilter filter_of(const std::string& properties) {
  const auto value = core::parse_json(properties);
  if (!value) throw std::invalid_argument(properties + ": " + value.error().detail);
  auto filter = core::properties_from_json(*value, "properties", table_now());
  if (!filter) throw std::invalid_argument(properties + ": " + filter.error().detail);
  return std::move(*filter);
}

}  // namespace rruled::test
