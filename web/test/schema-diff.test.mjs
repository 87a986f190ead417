// What counts as breaking, and where it is announced.
//
//   node --test web/test/schema-diff.test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { announced, changes } from './schema-diff.mjs';

const schema = (fields, more = '') => `
  directive @auth(requires: [Role!]!) on FIELD_DEFINITION
  enum Role { ADMIN PARENT }
  type Query { ${fields} }
  ${more}
`;
const BEFORE = schema('name: String @auth(requires: [ADMIN, PARENT]) age(in: Unit): Int @auth(requires: [ADMIN])', 'enum Unit { YEARS DAYS }');

test('what is the same, or more, breaks nothing', () => {
  assert.deepEqual(changes(BEFORE, BEFORE), { breaking: [], dangerous: [] });
  const more = schema(
    'name: String! @auth(requires: [PARENT, ADMIN]) age(in: Unit, on: String): Int @auth(requires: [ADMIN, PARENT]) town: String @auth(requires: [ADMIN])',
    'enum Unit { YEARS DAYS MONTHS }',
  );
  assert.deepEqual(changes(BEFORE, more).breaking, []);
  assert.equal(changes(BEFORE, more).dangerous.length, 2, 'a value and an argument');
});

test('what is gone, or asked for, or kept from a role, breaks', () => {
  const less = schema('name: String @auth(requires: [ADMIN]) age(in: Unit!): Int', 'enum Unit { YEARS }');
  assert.deepEqual(changes(BEFORE, less).breaking, [
    'DAYS was removed from enum type Unit.',
    'Query.age arg in has changed type from Unit to Unit!.',
    'Query.age is no longer for ADMIN.',
    'Query.name is no longer for PARENT.',
  ]);
  assert.deepEqual(changes(BEFORE, schema('age(in: Unit): Int @auth(requires: [ADMIN])', 'enum Unit { YEARS DAYS }')).breaking, [
    'Query.name was removed.',
  ]);
});

test('a change is announced under its heading, of what is unreleased, and nowhere else', () => {
  const changelog = (unreleased, released) => `# Changelog\n\n## [Unreleased]\n\n${unreleased}\n\n## [0.1.0]\n\n${released}\n`;
  const line = '- Query.name was removed. Ask for `fullName`.';
  assert.ok(announced(changelog(`### Breaking\n\n${line}\n\n### Added\n\n- This.`, '')).includes('Query.name was removed.'));
  assert.ok(!announced(changelog(`### Breaking\n\n- That.\n\n### Removed\n\n${line}`, '')).includes('Query.name'));
  assert.equal(announced(changelog('### Added', `### Breaking\n\n${line}`)), '');
});
