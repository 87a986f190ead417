//! Staff, students, families, and their accounts.

use chrono::NaiveDate;

use super::{
    cast,
    data::{Data, Draw, Kind, Plan, Pupil, at, index, number, shift, shift_months},
    names::{Person, address, phone, surname},
    rows::{Account, Gender, MaritalStatus, Parent, ParentStudent, Role, Staff, StaffRole, Student, StudentStatus},
};

/// Number of the administrator.
pub const ADMIN: i64 = 1;

/// Number of the HOD of the course at an index.
pub fn hod(course: usize) -> i64 {
    2 + number(course)
}

/// Number of the teacher at an index.
pub fn teacher(plan: &Plan, index: usize) -> i64 {
    hod(plan.size.courses + index)
}

/// Who is called that: the family of those whom the cast knows by name, and of the teacher who is a parent.
const VELLUM: &str = "Vellum";
const QUIRE: &str = "Quire";

/// Whether an account can be signed in to.
enum Access {
    /// As usual; so many of a hundred were invited and have no password yet.
    Usual(u32),
    /// One of the cast, with this e-mail.
    Cast(&'static str),
    /// The cast's, deactivated.
    Deactivated,
    /// The cast's, without a password.
    Invited,
    /// Of somebody archived.
    Closed,
}

fn account(data: &mut Data, plan: &Plan, draw: &mut Draw, who: &Person, access: &Access, created: NaiveDate) -> i64 {
    let id = number(data.accounts.len());
    let (email, invited) = match access {
        Access::Cast(email) => ((*email).to_owned(), false),
        Access::Deactivated => (cast::DEACTIVATED.to_owned(), false),
        Access::Invited => (cast::INVITED.to_owned(), true),
        Access::Closed => (who.email(id), false),
        Access::Usual(percent) => (who.email(id), draw.chance(*percent)),
    };
    let usual = matches!(access, Access::Usual(_));
    // Everybody can be reached by one of the two.
    let (no_email, no_phone) = (usual && draw.chance(4), usual && draw.chance(8));
    let seen = !invited && created < plan.yesterday() && draw.chance(60);
    data.accounts.push(Account {
        id,
        email: (!no_email).then_some(email),
        phone: (no_email || !no_phone).then(|| phone(id)),
        password_hash: (!invited).then(|| plan.password_hash.to_owned()),
        active: !matches!(access, Access::Deactivated | Access::Closed),
        last_sign_in_at: seen
            .then(|| at(shift(plan.yesterday(), -draw.between(0, 20)).max(created), draw.between(18, 21), 5)),
        created_at: at(created, 10, draw.between(0, 59)),
    });
    id
}

/// ADMIN, ADMISSION, an HOD for each course, and the teachers.
pub fn staff(data: &mut Data, plan: &Plan, draw: &mut Draw) {
    use StaffRole::*;
    let office = [("Administrator", Admin, cast::ADMIN), ("Admission officer", Admission, cast::ADMISSION)];
    for (designation, role, email) in office {
        employ(data, plan, draw, designation, &[role], Some(email));
    }
    for course in 0..plan.size.courses {
        let email = [cast::HOD, cast::HOD_TEACHER, cast::HOD_OF_TWO].get(course).copied();
        let roles: &[StaffRole] = if course == 1 { &[Hod, Teacher] } else { &[Hod] };
        employ(data, plan, draw, "Head of department", roles, email);
    }
    for teacher in 0..plan.size.teachers {
        let cast = [cast::TEACHER, cast::TEACHER_PARENT, cast::TEACHER_WHO_LEFT_CLASS];
        let designation = draw.pick(&["Lecturer", "Senior lecturer", "Instructor"]);
        employ(data, plan, draw, designation, &[Teacher], cast.get(teacher).copied());
    }
}

fn employ(
    data: &mut Data,
    plan: &Plan,
    draw: &mut Draw,
    designation: &'static str,
    roles: &[StaffRole],
    email: Option<&'static str>,
) {
    let id = number(data.staff.len());
    let family = (email == Some(cast::TEACHER_PARENT)).then_some(QUIRE);
    let person = Person::of(family, draw);
    // Everybody was there before the oldest students came.
    let joining_date = shift(shift_months(plan.term(), -12 * 6), -draw.between(30, 3000));
    let access = email.map_or(Access::Usual(3), Access::Cast);
    let account_id = account(data, plan, draw, &person, &access, joining_date);
    data.staff.push(Staff {
        id,
        account_id,
        name: person.name(),
        designation,
        gender: person.gender,
        birth_date: shift(joining_date, -draw.between(26 * 365, 45 * 365)),
        temporary_address: draw.chance(30).then(|| address(draw)),
        permanent_address: address(draw),
        marital_status: draw.pick(MaritalStatus::ALL),
        citizenship_number: format!("DEMO-S-{id:06}"),
        passport_number: draw.chance(50).then(|| format!("DEMO-P-{id:06}")),
        next_of_kin: draw.chance(70).then(|| Person::of(Some(person.family), draw).name()),
        joining_date,
        created_at: at(joining_date, 9, 0),
    });
    data.roles.extend(roles.iter().map(|role| Role { staff_id: id, role: *role }));
}

/// The students of every class with their families, numbered in the order they were admitted.
pub fn students(data: &mut Data, plan: &Plan, draw: &mut Draw) {
    data.pupils = pupils(data, plan, draw);
    data.pupils.sort_by_key(|pupil| pupil.enrolled);
    for i in 0..data.pupils.len() {
        data.pupils[i].number = number(i);
        if let Some(class) = data.pupils[i].class {
            data.classes[class].members.push(i);
        }
    }
    let families = families(data, draw);
    let mut names = vec![""; data.pupils.len()];
    for family in &families {
        for child in &family.children {
            names[*child] = family.name;
        }
    }
    for (i, name) in names.into_iter().enumerate() {
        admit(data, plan, draw, i, name);
    }
    for family in families {
        parents(data, plan, draw, &family);
    }
}

fn pupils(data: &Data, plan: &Plan, draw: &mut Draw) -> Vec<Pupil> {
    let unplaced = 2;
    let placed = plan.size.students - unplaced;
    let mut pupils = Vec::with_capacity(plan.size.students);
    for (k, class) in data.classes.iter().enumerate() {
        let last_period = class.period == data.courses[class.course].periods();
        let members = placed / data.classes.len() + usize::from(k < placed % data.classes.len());
        for m in 0..members {
            let kind = match (k, m) {
                (0, 0) => Kind::Cast(cast::STUDENT),
                (1, 0) => Kind::Cast(cast::SIBLING),
                (0, 1) => Kind::Cast(cast::ONLY_CHILD),
                (0, 5) => Kind::Archived,
                (0, 6) => Kind::Newcomer,
                _ if last_period && m % 15 == 4 => Kind::Done,
                _ if class.intake == 0 && m % 12 == 7 => Kind::Late,
                _ if m % 20 == 13 => Kind::Away,
                _ => Kind::Plain,
            };
            pupils.push(pupil(plan, draw, Some(k), kind, class.started));
        }
    }
    for _ in 0..unplaced {
        pupils.push(pupil(plan, draw, None, Kind::Unplaced, plan.today));
    }
    pupils
}

fn pupil(plan: &Plan, draw: &mut Draw, class: Option<usize>, kind: Kind, started: NaiveDate) -> Pupil {
    let joined = match kind {
        Kind::Late => plan.day_at(usize::try_from(draw.between(15, 75)).unwrap_or_default()),
        Kind::Newcomer => plan.today,
        _ => started,
    };
    let enrolled = match kind {
        Kind::Newcomer => plan.yesterday(),
        Kind::Late | Kind::Unplaced => shift(joined, -draw.between(2, 9)),
        _ => shift(joined, -draw.between(10, 60)),
    };
    let until = match kind {
        Kind::Away => Some(plan.day_at(usize::try_from(draw.between(40, 95)).unwrap_or_default())),
        Kind::Done => Some(plan.days[plan.days.len() - 1 - usize::try_from(draw.between(0, 4)).unwrap_or_default()]),
        Kind::Archived => Some(plan.day_at(50)),
        _ => None,
    };
    let absence = match kind {
        Kind::Done => 0,
        Kind::Plain if draw.chance(6) => draw.between(450, 650).unsigned_abs(),
        _ => draw.between(10, 170).unsigned_abs(),
    };
    Pupil {
        number: 0,
        account: 0,
        class,
        kind,
        enrolled,
        joined,
        until,
        away: Vec::new(),
        absence,
        parents: Vec::new(),
    }
}

fn admit(data: &mut Data, plan: &Plan, draw: &mut Draw, i: usize, family: &'static str) {
    let pupil = &data.pupils[i];
    let (kind, enrolled, joined, until) = (pupil.kind, pupil.enrolled, pupil.joined, pupil.until);
    let (course_id, current_period) = pupil
        .class
        .map(|class| &data.classes[class])
        .map_or((None, None), |class| (Some(number(class.course)), Some(class.period)));
    let person = match kind {
        Kind::Archived => Person { given: "Ottilie", family, gender: Gender::Female },
        Kind::Newcomer => Person { given: "Newton", family, gender: Gender::Male },
        _ => Person::of(Some(family), draw),
    };
    let access = match kind {
        Kind::Cast(email) => Access::Cast(email),
        Kind::Archived => Access::Closed,
        Kind::Newcomer | Kind::Unplaced => Access::Usual(100),
        _ => Access::Usual(2),
    };
    let account_id = account(data, plan, draw, &person, &access, enrolled);
    let id = number(i);
    data.pupils[i].account = account_id;
    data.students.push(Student {
        id,
        account_id,
        name: person.name(),
        status: match kind {
            Kind::Away => StudentStatus::Leave,
            Kind::Done => StudentStatus::Completed,
            _ => StudentStatus::Active,
        },
        gender: person.gender,
        birth_date: shift(joined, -draw.between(17 * 365 + 5, 23 * 365)),
        temporary_address: draw.chance(40).then(|| address(draw)),
        permanent_address: address(draw),
        marital_status: if draw.chance(4) { MaritalStatus::Married } else { MaritalStatus::Single },
        citizenship_number: format!("DEMO-C-{id:06}"),
        course_id,
        current_period,
        joining_date: course_id.map(|_| joined),
        archived_at: until.filter(|_| kind == Kind::Archived).map(|day| at(day, 18, 0)),
        created_at: at(enrolled, 10, 0),
    });
}

/// Children by their indexes, and those who are their parents.
struct Family {
    name: &'static str,
    children: Vec<usize>,
    parents: Vec<Access>,
    /// One of the parents is this teacher.
    teacher: bool,
}

fn families(data: &Data, draw: &mut Draw) -> Vec<Family> {
    use Access::*;
    let with = |email: &str| data.pupils.iter().position(|pupil| matches!(pupil.kind, Kind::Cast(e) if e == email));
    let plain_in_third =
        data.pupils.iter().position(|pupil| pupil.class == Some(2) && pupil.kind == Kind::Plain).into_iter().collect();
    let (star, sibling, only) = (with(cast::STUDENT), with(cast::SIBLING), with(cast::ONLY_CHILD));
    let two = star.into_iter().chain(sibling).collect();
    let mut families = vec![
        family(draw, two, vec![Cast(cast::PARENT), Cast(cast::OTHER_PARENT)]),
        family(draw, only.into_iter().collect(), vec![Cast(cast::PARENT_OF_ONE)]),
        Family { name: QUIRE, children: plain_in_third, parents: vec![Usual(0)], teacher: true },
    ];
    let placed: Vec<usize> = families.iter().flat_map(|family| family.children.clone()).collect();
    let mut children: Vec<usize> = (0..data.pupils.len()).filter(|child| !placed.contains(child)).collect();
    draw.shuffle(&mut children);
    let mut special = vec![vec![Usual(3), Invited], vec![Usual(3), Deactivated]];
    while let Some(child) = children.pop() {
        if matches!(data.pupils[child].kind, Kind::Archived | Kind::Newcomer) {
            families.push(Family { name: VELLUM, children: vec![child], parents: vec![Usual(0)], teacher: false });
            continue;
        }
        // Brothers and sisters, though never of those whose name is their own.
        let other = children
            .last()
            .copied()
            .filter(|other| !matches!(data.pupils[*other].kind, Kind::Archived | Kind::Newcomer) && draw.chance(12));
        if other.is_some() {
            children.pop();
        }
        let parents = special.pop().unwrap_or_else(|| {
            let both = draw.chance(60);
            std::iter::repeat_with(|| Usual(4)).take(1 + usize::from(both)).collect()
        });
        families.push(family(draw, std::iter::once(child).chain(other).collect(), parents));
    }
    families
}

fn family(draw: &mut Draw, children: Vec<usize>, parents: Vec<Access>) -> Family {
    Family { name: surname(draw), children, parents, teacher: false }
}

fn parents(data: &mut Data, plan: &Plan, draw: &mut Draw, family: &Family) {
    let Some(first) = family.children.iter().map(|child| data.pupils[*child].enrolled).min() else { return };
    let home = address(draw);
    let add = |data: &mut Data, account_id: i64, name: String| {
        let index = data.parents.len();
        let created_at = at(first, 10, 30);
        data.parents.push(Parent { id: number(index), account_id, name, address: home.clone(), created_at });
        for child in &family.children {
            data.parent_students.push(ParentStudent { parent_id: number(index), student_id: number(*child) });
            data.pupils[*child].parents.push(index);
        }
    };
    if family.teacher {
        let teacher = teacher(plan, 1);
        let (account_id, name) = (data.staff_account(teacher), data.staff[index(teacher)].name.clone());
        add(data, account_id, name);
    }
    for access in &family.parents {
        let person = Person::of(Some(family.name), draw);
        let account_id = account(data, plan, draw, &person, access, first);
        add(data, account_id, person.name());
    }
}
