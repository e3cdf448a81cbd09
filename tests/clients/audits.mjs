// Runs the audits of graphql-http against each endpoint named on the command line, and writes what each found.
import { serverAudits } from "graphql-http";

const results = {};
for (const url of process.argv.slice(2)) {
  results[url] = [];
  for (const audit of serverAudits({ url })) {
    const { id, name, status, reason = "" } = await audit.fn();
    results[url].push({ id, name, status, reason });
  }
}
process.stdout.write(JSON.stringify(results));
