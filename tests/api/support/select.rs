//! Queries made from the schema: what they select is known, so that an answer can be judged field by field.

use std::fmt;

use super::schema::{Argument, Field, Object, SCHEMA};

/// A field that is selected, with what is selected of it.
#[derive(Clone, Debug)]
pub struct Select {
    pub alias: Option<String>,
    pub field: &'static str,
    arguments: String,
    /// The type whose field it is, where it stands below an interface.
    pub on: Option<&'static str>,
    pub of: Vec<Select>,
}

impl Select {
    /// A field with arguments (as they stand in brackets), and what is selected of it.
    pub fn new(field: &'static str, arguments: impl Into<String>, of: Vec<Self>) -> Self {
        Self { alias: None, field, arguments: arguments.into(), on: None, of }
    }

    /// A field of which nothing more can be selected.
    pub fn leaf(field: &'static str) -> Self {
        Self::new(field, "", Vec::new())
    }

    pub fn alias(self, alias: String) -> Self {
        Self { alias: Some(alias), ..self }
    }

    /// The same with something else selected of it.
    pub fn with(&self, of: Vec<Self>) -> Self {
        Self { of, ..self.clone() }
    }

    /// The row with an id, with these fields of its type.
    pub fn node(alias: String, id: &str, of: &'static Object, mut fields: Vec<Self>) -> Self {
        for field in &mut fields {
            field.on = Some(&of.name);
        }
        let fields = [Self::leaf("__typename"), Self::leaf("id")].into_iter().chain(fields).collect();
        Self::new("node", format!("id: \"{id}\""), fields).alias(alias)
    }

    /// The key of its answer.
    pub fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(self.field)
    }
}

/// A selection in braces.
pub struct Braced<'a>(pub &'a [Select]);

impl fmt::Display for Braced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        for select in self.0 {
            if let Some(on) = select.on {
                write!(f, "... on {on} {{ ")?;
            }
            if let Some(alias) = &select.alias {
                write!(f, "{alias}: ")?;
            }
            f.write_str(select.field)?;
            if !select.arguments.is_empty() {
                write!(f, "({})", select.arguments)?;
            }
            f.write_str(" ")?;
            if !select.of.is_empty() {
                write!(f, "{} ", Self(&select.of))?;
            }
            if select.on.is_some() {
                f.write_str("} ")?;
            }
        }
        f.write_str("}")
    }
}

/// What arguments are filled with: for each that is to be given, its value as it stands in a query.
pub type Filling<'a> = dyn Fn(&Field, &Argument) -> Option<String> + 'a;

/// The arguments of a field, as they stand in brackets.
pub fn arguments(field: &Field, filling: &Filling<'_>) -> String {
    let given = field.arguments.iter().filter_map(|argument| {
        let value = filling(field, argument);
        assert!(value.is_some() || !argument.required, "{}({}) takes a value", field.name, argument.name);
        value.map(|value| format!("{}: {value}", argument.name))
    });
    given.collect::<Vec<_>>().join(", ")
}

/// Every field of a type: of a row that it leads to the id, of everything else every field again.
pub fn everything(of: &'static Object, filling: &Filling<'_>) -> Vec<Select> {
    let select = |field: &'static Field| Select::new(&field.name, arguments(field, filling), below(field, filling));
    of.fields.iter().map(select).collect()
}

/// What [`everything`] selects of a field.
pub fn below(field: &'static Field, filling: &Filling<'_>) -> Vec<Select> {
    match SCHEMA.objects.get(&field.leads_to) {
        Some(row) if row.is_node => vec![Select::leaf("id")],
        Some(object) => everything(object, filling),
        None if SCHEMA.is_composite(&field.leads_to) => vec![Select::leaf("__typename"), Select::leaf("id")],
        None => Vec::new(),
    }
}
