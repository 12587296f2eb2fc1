// N crontab entries of graphile-worker, all due each minute; prints how late each task started, in
// milliseconds, one a line.
//
//   node graphile_worker.mjs postgresql://.. N
import { Logger, run, parseCronItems } from "graphile-worker";

const [connectionString, count] = [process.argv[2], Number(process.argv[3])];
const minute = Math.ceil((Date.now() + 3000) / 60000) * 60000;
const late = [];
let done;
const all = new Promise((resolve) => (done = resolve));

const runner = await run({
  connectionString,
  concurrency: 20,
  maxPoolSize: 22,
  noHandleSignals: true,
  logger: new Logger(() => () => {}), // it writes a line for each task to stdout, among ours
  taskList: {
    tick: async () => {
      late.push(Date.now() - minute);
      if (late.length === count) done();
    },
  },
  parsedCronItems: parseCronItems(
    Array.from({ length: count }, (_, i) => ({
      task: "tick",
      match: "* * * * *",
      identifier: `tick-${i}`,
    })),
  ),
});
await Promise.race([all, new Promise((resolve) => setTimeout(resolve, minute - Date.now() + 50000))]);
await runner.stop();
console.log(late.join("\n"));
