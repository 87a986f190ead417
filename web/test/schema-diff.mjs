// What a schema breaks for the clients of an earlier one: what GraphQL itself calls breaking, and every role that a field no
// longer says it is for. A change is announced where CHANGELOG.md has it, in these words, under "### Breaking" of what is
// unreleased.
//
//   node web/test/schema-diff.mjs <before.graphql> <after.graphql> <CHANGELOG.md>
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { buildSchema, findBreakingChanges, findDangerousChanges, isObjectType } from 'graphql';

/** The roles of each field, by its coordinate. */
function readers(schema) {
  const fields = Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !type.name.startsWith('__'))
    .flatMap((type) => Object.values(type.getFields()).map((field) => [`${type.name}.${field.name}`, field]));
  const roles = ({ astNode }) => {
    const auth = astNode.directives.find(({ name }) => name.value === 'auth');
    const requires = auth?.arguments.find(({ name }) => name.value === 'requires');
    return requires?.value.values.map(({ value }) => value) ?? [];
  };
  return new Map(fields.map(([coordinate, field]) => [coordinate, roles(field)]));
}

/** What breaks and what may, a line each. */
export function changes(before, after) {
  const [older, newer] = [buildSchema(before), buildSchema(after)];
  const now = readers(newer);
  const lost = [...readers(older)].flatMap(([coordinate, roles]) =>
    roles
      .filter((role) => now.has(coordinate) && !now.get(coordinate).includes(role))
      .map((role) => `${coordinate} is no longer for ${role}.`),
  );
  const described = (found) => found.map(({ description }) => description);
  return {
    breaking: [...described(findBreakingChanges(older, newer)), ...lost].sort(),
    dangerous: described(findDangerousChanges(older, newer)).sort(),
  };
}

/** The part of a changelog that announces what breaks: from "### Breaking" of "## [Unreleased]" to the next heading. */
export function announced(changelog) {
  const unreleased = changelog.split(/^## /m).find((part) => part.startsWith('[Unreleased]')) ?? '';
  return unreleased.split(/^### /m).find((part) => part.startsWith('Breaking')) ?? '';
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [before, after, changelog] = process.argv.slice(2, 5).map((path) => readFileSync(path, 'utf8'));
  const { breaking, dangerous } = changes(before, after);
  const words = announced(changelog);
  const unannounced = breaking.filter((change) => !words.includes(change));
  for (const change of dangerous) console.log(`may break: ${change}`);
  for (const change of breaking) console.log(`breaks${unannounced.includes(change) ? '' : ', as announced'}: ${change}`);
  if (unannounced.length) {
    console.error('Take these back, or announce them under "### Breaking" of what is unreleased in CHANGELOG.md:');
    for (const change of unannounced) console.error(`- ${change}`);
  }
  process.exit(unannounced.length ? 1 : 0);
}
