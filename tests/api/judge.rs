//! The judge of an answer: field by field, whether it was read or denied as the schema states and the rules have it, and
//! whether each row in it is one that the viewer reaches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rollcall::ids::Kind;
use serde_json::{Map, Value, json};

use crate::{
    reached::Reached,
    rules::Viewer,
    support::{Answer, TestApp, schema::*, select::Select},
};

/// What one viewer may read, and what was seen of it.
pub struct Judge<'a> {
    app: &'a TestApp,
    pub viewer: &'static Viewer,
    reached: &'a Reached,
    /// How often each field was read, and how often denied.
    pub cells: BTreeMap<(&'static str, &'static str), Outcomes>,
    /// The ways that were gone, by the names of their fields: how many rows were found at their end, and how often they
    /// were denied there.
    pub ways: BTreeMap<String, Outcomes>,
}

/// How often something was read, and how often denied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    pub read: usize,
    pub denied: usize,
}

/// Where in an answer we are.
struct Place<'a> {
    path: Vec<Value>,
    way: Vec<&'static str>,
    /// The errors that are not accounted for.
    errors: HashMap<String, &'a Value>,
}

impl<'a> Judge<'a> {
    pub fn new(app: &'a TestApp, viewer: &'static Viewer, reached: &'a Reached) -> Self {
        Self { app, viewer, reached, cells: BTreeMap::new(), ways: BTreeMap::new() }
    }

    /// Judges the answer to what was selected of a root.
    #[track_caller]
    pub fn judge(&mut self, answer: &Answer, root: &str, selected: &[Select]) {
        let mut errors = HashMap::new();
        for error in &answer.errors {
            let twice = errors.insert(error["path"].to_string(), error);
            assert!(twice.is_none(), "{}: two errors at one place: {error}", self.viewer.name);
        }
        let mut place = Place { path: Vec::new(), way: Vec::new(), errors };
        let data = answer.data.as_object();
        let data = data.unwrap_or_else(|| panic!("{}: no data: {:#?}", self.viewer.name, answer.errors));
        self.object(SCHEMA.object(root), data, selected, &mut place);
        let unexpected: Vec<&&Value> = place.errors.values().take(3).collect();
        assert!(unexpected.is_empty(), "{}: nothing states these errors: {unexpected:#?}", self.viewer.name);
    }

    fn object(&mut self, of: &'static Object, object: &Map<String, Value>, selected: &[Select], place: &mut Place<'_>) {
        let roles = self.roles(of, object, place);
        for select in selected.iter().filter(|select| select.on.is_none_or(|on| on == of.name)) {
            let value = &object[select.key()];
            if select.field == "__typename" {
                continue;
            }
            let field = of.field(select.field);
            let depth = place.way.len();
            place.path.push(select.key().into());
            place.way.extend(select.on);
            place.way.push(&field.name);
            let may = field.may.iter().any(|role| roles.contains(role.as_str()));
            let outcomes = self.cells.entry((&of.name, &field.name)).or_default();
            if may {
                outcomes.read += 1;
                self.value(&field.leads_to, value, &select.of, place);
            } else {
                outcomes.denied += 1;
                self.ways.entry(place.way.join(".")).or_default().denied += 1;
                self.denied(&of.name, &field.name, value, place);
            }
            place.path.pop();
            place.way.truncate(depth);
        }
    }

    fn value(&mut self, of: &'static str, value: &Value, selected: &[Select], place: &mut Place<'_>) {
        match value {
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    place.path.push(i.into());
                    self.value(of, item, selected, place);
                    place.path.pop();
                }
            }
            Value::Object(object) => {
                let of = if of == "Node" { object["__typename"].as_str().unwrap() } else { of };
                self.object(SCHEMA.object(of), object, selected, place);
            }
            _ => {}
        }
    }

    /// The roles that a field of this object is asked for with. A row must be one that the viewer reaches.
    fn roles(&mut self, of: &Object, object: &Map<String, Value>, place: &Place<'_>) -> BTreeSet<&'static str> {
        // There is one institute, and everybody reaches it.
        if !of.is_node || of.name == "Institute" {
            return self.viewer.held();
        }
        let id = object.get("id").and_then(Value::as_str);
        let id = id.unwrap_or_else(|| panic!("{}: a row without an id at {:?}", self.viewer.name, place.path));
        let (kind, number) = self.app.open(id);
        assert_eq!(kind.name(), of.name, "{}: {:?}", self.viewer.name, place.path);
        let granted = self.reached.granted(kind, number);
        assert!(!granted.is_empty(), "{}: {} at {:?} is out of scope", self.viewer.name, row(kind, number), place.path);
        self.ways.entry(place.way.join(".")).or_default().read += 1;
        granted.clone()
    }

    /// A denied field is null, and its error says what is in the schema and nothing else.
    fn denied(&self, of: &str, field: &str, value: &Value, place: &mut Place<'_>) {
        let path = Value::from(place.path.clone()).to_string();
        let what = format!("{}: {of}.{field} at {path}", self.viewer.name);
        let error = place.errors.remove(&path).unwrap_or_else(|| panic!("{what} is not denied: {value}"));
        assert!(value.is_null(), "{what} is denied, and yet {value}");
        let (code, message) = match (self.viewer.roles, of) {
            ([], _) => ("UNAUTHENTICATED", format!("sign in to read {of}.{field}")),
            (["REPORTING"], "Mutation") => ("FORBIDDEN", "an API key reads, and changes nothing".to_owned()),
            (["REPORTING"], "Subscription") => ("FORBIDDEN", "an API key reads, and listens to nothing".to_owned()),
            _ => ("FORBIDDEN", format!("you may not read {of}.{field} here")),
        };
        assert_eq!(error["message"], message, "{what}");
        let keys: Vec<&String> = error.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["extensions", "locations", "message", "path"], "{what}");
        let mut told = json!({"code": code});
        if code == "FORBIDDEN" {
            told["coordinate"] = json!(format!("{of}.{field}"));
        }
        assert_eq!(error["extensions"], told, "{what}");
    }
}

/// A row, for messages.
pub fn row(kind: Kind, number: i64) -> String {
    format!("{} {number}", kind.name())
}
