//! Names of people and places that do not exist.

use super::{data::Draw, rows::Gender};

const FEMALE: [&str; 40] = [
    "Ada", "Aiko", "Amara", "Ana", "Anisha", "Astrid", "Beatriz", "Camille", "Chiara", "Dalia", "Elena", "Esther",
    "Farah", "Freya", "Grace", "Hana", "Ines", "Ingrid", "Jana", "Kavita", "Leila", "Linh", "Lucia", "Maya", "Mei",
    "Mina", "Nadia", "Naomi", "Nora", "Olga", "Pema", "Priya", "Rosa", "Sana", "Selma", "Sita", "Tara", "Wanjiru",
    "Yara", "Zofia",
];
const MALE: [&str; 40] = [
    "Adam", "Ahmed", "Andrei", "Anton", "Arjun", "Bilal", "Bruno", "Carlos", "Chen", "Dawa", "Diego", "Elias", "Emeka",
    "Felix", "Gabriel", "Hari", "Hugo", "Ivan", "Jamal", "Jonas", "Kenji", "Kofi", "Lars", "Leo", "Luka", "Marco",
    "Mateo", "Milan", "Nikhil", "Noah", "Omar", "Oscar", "Pavel", "Rafael", "Ravi", "Samir", "Tenzin", "Tomas",
    "Viktor", "Yusuf",
];
const FAMILY: [&str; 64] = [
    "Abebe",
    "Acharya",
    "Adeyemi",
    "Almeida",
    "Andersen",
    "Aziz",
    "Bakker",
    "Banerjee",
    "Barbosa",
    "Becker",
    "Bello",
    "Bianchi",
    "Castillo",
    "Chaudhary",
    "Dahl",
    "Diallo",
    "Dubois",
    "Eriksen",
    "Fernando",
    "Ferrari",
    "Fischer",
    "Garcia",
    "Ghale",
    "Gurung",
    "Haddad",
    "Hansen",
    "Horvat",
    "Ibrahim",
    "Ito",
    "Jansen",
    "Kamau",
    "Karki",
    "Kaur",
    "Kimura",
    "Kovac",
    "Lama",
    "Larsen",
    "Lim",
    "Lindgren",
    "Mahat",
    "Marino",
    "Mbeki",
    "Mendes",
    "Meyer",
    "Nair",
    "Nakamura",
    "Nguyen",
    "Novak",
    "Okafor",
    "Oliveira",
    "Park",
    "Petrov",
    "Rahman",
    "Rai",
    "Rossi",
    "Saito",
    "Santos",
    "Sharma",
    "Silva",
    "Tamang",
    "Tanaka",
    "Vargas",
    "Weber",
    "Zhang",
];
const STREETS: [&str; 16] = [
    "Abacus",
    "Blackboard",
    "Chalk",
    "Compass",
    "Copybook",
    "Globe",
    "Inkwell",
    "Lantern",
    "Ledger",
    "Pencil",
    "Primer",
    "Quill",
    "Satchel",
    "Slate",
    "Timetable",
    "Wayside",
];
const WAYS: [&str; 4] = ["Lane", "Road", "Street", "Walk"];
const TOWNS: [&str; 6] = ["Demoville", "Examplegate", "Lower Sample", "Newpattern", "Placeholder Bay", "Upper Sample"];

/// A person who does not exist.
pub struct Person {
    /// Given name.
    pub given: &'static str,
    /// Family name.
    pub family: &'static str,
    /// Gender.
    pub gender: Gender,
}

impl Person {
    /// Somebody of a family, or of any.
    pub fn of(family: Option<&'static str>, draw: &mut Draw) -> Self {
        let (given, gender) =
            if draw.chance(50) { (draw.pick(&FEMALE), Gender::Female) } else { (draw.pick(&MALE), Gender::Male) };
        let gender = if draw.chance(2) { Gender::Other } else { gender };
        Self { given, family: family.unwrap_or_else(|| surname(draw)), gender }
    }

    /// Both names.
    pub fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    /// An address that nobody else has, `number` being the account's.
    pub fn email(&self, number: i64) -> String {
        format!("{}.{}.{number}@example.org", self.given.to_lowercase(), self.family.to_lowercase())
    }
}

/// A family name.
pub fn surname(draw: &mut Draw) -> &'static str {
    draw.pick(&FAMILY)
}

/// Where somebody lives.
pub fn address(draw: &mut Draw) -> String {
    let number = draw.between(1, 99);
    format!("{number} {} {}, {}", draw.pick(&STREETS), draw.pick(&WAYS), draw.pick(&TOWNS))
}

/// A phone number of a country that does not exist (+999 was given to none).
pub fn phone(account: i64) -> String {
    format!("+99910{account:07}")
}

/// A field of study: the code and the name of a course, and five subjects that every period of it has.
pub type Field = (&'static str, &'static str, [&'static str; 5]);

/// What is taught.
pub const FIELDS: [Field; 12] = [
    ("BUS", "Business Studies", ["Accounting", "Economics", "Marketing", "Business Law", "Business Statistics"]),
    ("CMP", "Computing", ["Programming", "Databases", "Networks", "Discrete Mathematics", "Software Projects"]),
    ("DSN", "Design", ["Drawing", "Typography", "Colour and Form", "History of Design", "Studio"]),
    ("MUS", "Music", ["Harmony", "Ear Training", "Instrument", "Music History", "Ensemble"]),
    ("HOT", "Hospitality", ["Kitchen Practice", "Front Office", "Nutrition", "Tourism", "Service Management"]),
    ("NUR", "Nursing", ["Anatomy", "Physiology", "Patient Care", "Pharmacology", "Community Health"]),
    ("CIV", "Civil Engineering", ["Surveying", "Mechanics", "Materials", "Hydraulics", "Structures"]),
    ("EDU", "Education", ["Pedagogy", "Psychology", "Curriculum", "Assessment", "Teaching Practice"]),
    ("AGR", "Agriculture", ["Soils", "Crops", "Livestock", "Farm Machinery", "Rural Economics"]),
    ("JRN", "Journalism", ["Reporting", "Editing", "Media Law", "Photography", "Broadcasting"]),
    ("BIO", "Biology", ["Botany", "Zoology", "Genetics", "Ecology", "Laboratory"]),
    ("LAW", "Law", ["Constitutional Law", "Contracts", "Criminal Law", "Procedure", "Legal Writing"]),
];
