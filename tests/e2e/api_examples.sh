#!/usr/bin/env bash
# The published examples and the README's, with real curl: BASE_URL (to /api/projects/1) and TOKEN
# in the environment. Stops at the first answer that is not what it should be. Prints the id of the
# run that it asks for.
set -euo pipefail

auth=(-H "Authorization: Bearer $TOKEN")
json=(-H 'Content-Type: application/json')

# call EXPECTED-STATUS CURL-ARGUMENT..: the body, when the status is the expected one.
call() {
  local expected=$1 answer
  shift
  answer=$(curl --silent --show-error --max-time 20 --write-out '\n%{http_code}' "${auth[@]}" "$@")
  if [[ ${answer##*$'\n'} != "$expected" ]]; then
    echo "expected $expected of curl $*: $answer" >&2
    exit 1
  fi
  printf '%s' "${answer%$'\n'*}"
}
# field NAME: of the first object that has it.
field() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }
expect() {
  if [[ $1 != *"$2"* ]]; then
    echo "expected $2 in: $1" >&2
    exit 1
  fi
}

flows=$BASE_URL/hog_flows

# As published: without JSON inside it is no JSON, and told so.
for slash in / ''; do
  answer=$(call 400 "${json[@]}" -X POST "$flows$slash" -d actions="array")
  expect "$answer" '"code":"parse_error"'
done

# The working ones.
flow=$(call 201 "${json[@]}" -X POST "$flows/" \
  -d '{"name":"Hello","status":"active","trigger":{"type":"schedule"}}' | field id)
for slash in / ''; do
  expect "$(call 200 "$flows/$flow$slash")" '"name":"Hello"'
  expect "$(call 200 "$flows$slash")" '"count":1'
done
# As published: -d makes a form of it.
expect "$(call 200 -X PATCH "$flows/$flow/" -d name="string")" '"name":"string"'
expect "$(call 200 -X PATCH "$flows/$flow" -d name="string")" '"name":"string"'

schedule=$(call 201 "${json[@]}" -X POST "$flows/$flow/schedules/" \
  -d '{"rrule":"FREQ=WEEKLY;BYDAY=MO","starts_at":"2190-01-04T09:00:00Z","timezone":"Europe/Prague"}')
expect "$schedule" '"next_run_at":"2190-01-04T09:00:00.000000Z"'
schedule=$(field id <<<"$schedule")
expect "$(call 200 "$flows/$flow/schedules")" '"count":1'
expect "$(call 200 "$flows/$flow/schedules/$schedule/preview/?count=2")" '2190-01-11T09:00:00'
expect "$(call 200 -X PATCH "$flows/$flow/schedules/$schedule/" -d status=paused)" \
  '"status":"paused"'
expect "$(call 200 "$BASE_URL/schedules/upcoming/")" '"occurrences":[]'

# A run that is really delivered; the key makes asking again harmless.
for _ in 1 2; do
  run=$(call 200 "${json[@]}" -H 'Idempotency-Key: order-17' -X POST "$flows/$flow/invocations/" \
    -d '{"variables":{"greeting":"Hi"}}' | field id)
  runs=${runs:-$run}
  [[ $run == "$runs" ]]
done
expect "$(call 200 "$flows/$flow/invocations/")" '"count":1'
expect "$(call 200 --compressed "$flows/$flow/")" '"status":"active"'
expect "$(call 401 -H 'Authorization: Bearer rru_no' "$flows/" 2>&1)" 'authentication_error'

expect "$(call 204 -X DELETE "$flows/$flow/schedules/$schedule")x" 'x'
call 404 -X DELETE "$flows/$flow/schedules/$schedule/" >/dev/null
spare=$(call 201 "${json[@]}" -X POST "$flows/" -d '{}' | field id)
call 204 -X DELETE "$flows/$spare/" >/dev/null
spare=$(call 201 "${json[@]}" -X POST "$flows" -d '{}' | field id)
call 204 -X DELETE "$flows/$spare" >/dev/null
echo "$run"
