// GraphQL over HTTP: the public audit suite against a running server. `node web/test/audits.mjs <url of /graphql>`
import { auditServer } from "graphql-http";

const [url] = process.argv.slice(2);
const results = await auditServer({ url, fetchFn: fetch });
const failed = results.filter((result) => result.status !== "ok");
for (const { id, name, reason } of failed) {
  console.log(`audits: ${id} ${name}: ${reason}`);
}
console.log(`audits: ${results.length - failed.length} of ${results.length} pass`);
// All of them: what the specification only recommends is what clients rely on as well.
process.exit(results.length > 50 && failed.length === 0 ? 0 : 1);
