// A client as people write them: fetch, JSON, a token. BASE_URL (to /api/projects/1) and TOKEN in
// the environment. Exits with 1 at the first answer that is not what it should be.
import assert from 'node:assert/strict';

const base = process.env.BASE_URL;

async function api(method, path, body, status = 200) {
  const response = await fetch(base + path, {
    method,
    headers: {
      Authorization: `Bearer ${process.env.TOKEN}`,
      ...(body ? {'Content-Type': 'application/json'} : {}),
    },
    body: body ? JSON.stringify(body) : undefined,
  });
  const text = await response.text();
  assert.equal(response.status, status, `${method} ${path}: ${text}`);
  return text ? JSON.parse(text) : null;
}

// Asks until the answer is the wanted one.
async function until(ask, good) {
  const end = Date.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    assert.ok(Date.now() < end, `still ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const flow = await api(
    'POST', '/hog_flows/',
    {name: 'fetched', status: 'active', trigger: {type: 'schedule'}, variables: [{key: 'who', type: 'string', default: 'you'}]},
    201);
assert.equal(flow.version, 1);

// Due in a moment: seen at once, then seen to fire.
const starts = new Date(Math.ceil(Date.now() / 1000) * 1000 + 2000).toISOString();
const schedules = `/hog_flows/${flow.id}/schedules/`;
const schedule = await api(
    'POST', schedules, {rrule: 'FREQ=SECONDLY;COUNT=2', starts_at: starts, variables: {who: 'all'}}, 201);
assert.equal(schedule.status, 'active');
assert.equal(Date.parse(schedule.next_run_at), Date.parse(starts));

const invocations = `/hog_flows/${flow.id}/invocations/`;
const page = await until(() => api('GET', invocations),
                         (jobs) => jobs.results.filter((job) => job.status === 'completed').length === 2);
assert.equal(page.count, 2);
assert.deepEqual(page.results.map((job) => job.variables), [{who: 'all'}, {who: 'all'}]);
assert.equal(Date.parse(page.results[1].scheduled_for), Date.parse(starts));
const done = await api('GET', `${schedules}${schedule.id}/`);
assert.deepEqual([done.status, done.next_run_at], ['completed', null]);

// What is said of it.
const run = page.results[0].id;
const logs = await api('GET', `/hog_flows/${flow.id}/logs/?instance_id=${run}`);
assert.ok(logs.count >= 1, 'no log lines');
assert.ok(logs.results.every((line) => line.instance_id === run && line.log_source_id === flow.id));
const metrics = await api('GET', `/hog_flows/${flow.id}/metrics/?interval=hour&after=-2h&breakdown_by=name`);
const sum = (name) => metrics.series.find((each) => each.name === name).values.reduce((a, b) => a + b, 0);
assert.ok(metrics.labels.length >= 3);
assert.deepEqual([sum('triggered'), sum('succeeded')], [2, 2]);
const totals = await api('GET', `/hog_flows/${flow.id}/metrics/totals/`);
assert.deepEqual(totals, {totals: {other: 2, success: 2}});

// One that does not reach its receiver, given up.
const far = await api('POST', schedules, {rrule: 'FREQ=YEARLY', starts_at: starts, executor: 'far'}, 201);
const lost = await api('POST', `${schedules}${far.id}/run/`, {});
await until(() => api('GET', `/runs/${lost.id}/`), (row) => row.status === 'retrying');
const ended = await api('POST', `/runs/${lost.id}/cancel/`);
assert.equal(ended.status, 'cancelled');

const changed = await api('PATCH', `/hog_flows/${flow.id}/`, {name: 'renamed'});
assert.deepEqual([changed.name, changed.version], ['renamed', 1]);
await api('DELETE', `${schedules}${far.id}/`, undefined, 204);
await api('DELETE', `/hog_flows/${flow.id}/`, undefined, 204);
const gone = await api('GET', `/hog_flows/${flow.id}/`, undefined, 404);
assert.equal(gone.code, 'not_found');
console.log('all as it should be');
