// The tabs that greet a newcomer. GraphiQL names a tab after its operation.

export const DEFAULT_TABS = [
  {
    query: `# My children: for a parent.
query MyChildren {
  viewer {
    parent {
      students {
        edges {
          node {
            name
            batches { name }
            attendanceSummary {
              present
              absent
              late
              excused
              percentage
            }
          }
        }
      }
    }
  }
}
`,
  },
  {
    query: `# Students: for staff. Whom it lists depends on who asks.
query Students {
  students(first: 10) {
    edges {
      node {
        id
        name
        course { name }
        currentPeriod
        batches { name }
        attendanceSummary { percentage }
      }
    }
    pageInfo { hasNextPage endCursor }
    totalCount
  }
}
`,
  },
  {
    query: `# Who am I: for everybody.
query WhoAmI {
  viewer {
    roles
    account { email phone }
  }
}
`,
  },
];

export const SIGN_IN = `mutation($input: SignInInput!) {
  signIn(input: $input) { viewer { roles } challenge userErrors { field code message } }
}`;

export const COMPLETE_SIGN_IN = `mutation($input: CompleteSignInInput!) {
  completeSignIn(input: $input) { viewer { roles } userErrors { field code message } }
}`;

export const SIGN_OUT = `mutation { signOut { success } }`;

export const WHO = `{ viewer { account { email phone } roles } }`;
