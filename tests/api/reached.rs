//! Everybody who asks, and the rows that each of them reaches by the rules, with the roles as which.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rollcall::ids::Kind;

use crate::{
    rules::{RULES, VIEWERS, Viewer, relations},
    support::{Client, TestApp},
};

/// Everybody with a client of theirs, on data with the cases of [`hard`].
pub async fn viewers(app: &TestApp) -> Vec<(&'static Viewer, Client)> {
    let mut viewers = Vec::new();
    for viewer in &VIEWERS {
        viewers.push((viewer, viewer.client(app).await));
    }
    viewers
}

/// The rows that a viewer reaches, of every type that has a rule, with the roles as which.
pub struct Reached {
    rows: HashMap<Kind, HashMap<i64, BTreeSet<&'static str>>>,
    /// As whom an entry of the access log is reached: what is asked here writes new ones all the time.
    accesses: BTreeSet<&'static str>,
}

impl Reached {
    /// Asks the database, in one statement for all the rules.
    pub async fn of(app: &TestApp, viewer: &Viewer) -> Self {
        let mut arms = Vec::new();
        for (i, rule) in RULES.iter().enumerate() {
            let roles: BTreeSet<&str> = rule.arms.iter().map(|(_, granted, _)| *granted).collect();
            for (j, role) in roles.into_iter().enumerate() {
                let any = rule.any(|held, granted| granted == role && viewer.roles.contains(&held));
                arms.extend(any.map(|any| format!("SELECT '{i} {j} ' || x.id FROM {} x WHERE {any}", rule.table)));
            }
        }
        let mut rows: HashMap<Kind, HashMap<i64, BTreeSet<&'static str>>> = HashMap::new();
        let accesses = viewer.roles.iter().copied().filter(|role| *role == "ADMIN").collect();
        if arms.is_empty() {
            return Self { rows, accesses };
        }
        let query = format!("WITH {} {}", relations(viewer), arms.join(" UNION ALL "));
        for row in app.database.texts(&query).await {
            let [i, j, number] = row.split(' ').map(|n| n.parse().unwrap()).collect::<Vec<usize>>()[..] else {
                panic!("{row}")
            };
            let roles: BTreeSet<&str> = RULES[i].arms.iter().map(|(_, granted, _)| *granted).collect();
            let role = roles.into_iter().nth(j).unwrap();
            rows.entry(RULES[i].kind).or_default().entry(i64::try_from(number).unwrap()).or_default().insert(role);
        }
        Self { rows, accesses }
    }

    /// The roles as which a row is reached; none where it is not.
    pub fn granted(&self, kind: Kind, number: i64) -> &BTreeSet<&'static str> {
        static NONE: BTreeSet<&'static str> = BTreeSet::new();
        if kind == Kind::AccessEntry {
            return &self.accesses;
        }
        self.rows.get(&kind).and_then(|rows| rows.get(&number)).unwrap_or(&NONE)
    }

    /// The rows of a type in order, with the roles as which each is reached.
    pub fn rows(&self, kind: Kind) -> BTreeMap<i64, &BTreeSet<&'static str>> {
        self.rows.get(&kind).into_iter().flatten().map(|(number, roles)| (*number, roles)).collect()
    }

    /// A routine and a day that there is a sheet of, which the viewer may mark if they may mark any.
    pub async fn sheet(&self, app: &TestApp) -> (String, String) {
        let sessions = self.rows(Kind::AttendanceSession);
        let marks = |roles: &BTreeSet<&str>| ["ADMIN", "HOD", "STAFF"].iter().any(|role| roles.contains(role));
        let session = sessions.iter().find(|(_, roles)| marks(roles)).map_or(1, |(session, _)| *session);
        let session = format!("SELECT routine_id || ' ' || date FROM attendance_sessions WHERE id = {session}");
        let session = app.database.texts(&session).await.remove(0);
        let (routine, date) = session.split_once(' ').unwrap();
        (app.id(Kind::Routine, routine.parse().unwrap()), date.to_owned())
    }
}
