//! Grades and classes: which harm a value can do, and what the law says of it. Schemes are data, not code.
//!
//! Two axes: the grade (five of them, JR/T 0197-2020; schemes of four are a part of it) and the class of personal
//! information (PIPL, article 28).

use std::sync::LazyLock;

use ahash::AHashMap;
use spyhop_model::serde::{Deserialize, Serialize};
use spyhop_model::{DataType, Grade, Personal, settings};

use super::custom::TypeName;
use super::{CustomTypes, TYPES, TypeId};
use crate::content::Together;

settings! {
    /// How values are graded.
    pub struct GradingSettings {
        /// Whose grades: "default5", "gbt43697" (GB/T 43697-2024, general data in four levels), "jrt0197" (JR/T 0197-2020, finance) or "ydt3813" (YD/T 3813-2020, telecommunications).
        scheme: Scheme = Scheme::Default5,
        /// What counts as sensitive personal information: "gbt45574" (GB/T 45574-2025: an identity number alone is not, beside a name and a way to reach the person it is) or "gbt35273" (GB/T 35273-2020, annex B: it is).
        personal: PersonalScheme = PersonalScheme::Gbt45574,
        /// Raise what stands together: name, identity number and mobile or card number in one record to L4; records of people under 14 to sensitive; bodies with very many people by one grade.
        escalate: bool = true,
        /// How many different people in one body raise its grades, up to L4.
        many_people: u32 = 10_000,
        /// Grades and classes of your own, each a table `[[grading.types]]` with the `id` of a type, and `grade` (L1 to L5) or `personal` (no, personal or sensitive) or both.
        types: Vec<Regraded> = Vec::new(),
    }
}

/// Whose grades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "spyhop_model::serde", rename_all = "snake_case")]
pub enum Scheme {
    /// The sensor's own.
    #[default]
    Default5,
    /// GB/T 43697-2024, annex H.
    Gbt43697,
    /// JR/T 0197-2020.
    Jrt0197,
    /// YD/T 3813-2020.
    Ydt3813,
}

/// What counts as sensitive personal information.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "spyhop_model::serde", rename_all = "snake_case")]
pub enum PersonalScheme {
    /// GB/T 45574-2025.
    #[default]
    Gbt45574,
    /// GB/T 35273-2020.
    Gbt35273,
}

/// A type with another grade or class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "spyhop_model::serde", deny_unknown_fields)]
pub struct Regraded {
    /// The type.
    pub id: TypeName,
    /// Its grade.
    #[serde(default)]
    pub grade: Option<Grade>,
    /// Its class.
    #[serde(default)]
    pub personal: Option<Personal>,
}

/// Grades of the schemes, by type: where a type is missing the default grade holds.
static SCHEMES: LazyLock<AHashMap<&'static str, [Grade; 3]>> = LazyLock::new(|| {
    let rows = include_str!("../../data/grades.tsv").lines().filter(|line| !line.starts_with('#'));
    let grade = |text: Option<&str>| match text {
        Some("L1") => Some(Grade::L1),
        Some("L2") => Some(Grade::L2),
        Some("L3") => Some(Grade::L3),
        Some("L4") => Some(Grade::L4),
        _ => None,
    };
    let read = |row: &'static str| {
        let mut columns = row.split('\t');
        Some((columns.next()?, [grade(columns.next())?, grade(columns.next())?, grade(columns.next())?]))
    };
    rows.filter_map(read).collect()
});

/// Grades made ready.
#[derive(Clone, Debug, Default)]
pub struct Grading {
    settings: GradingSettings,
    by_id: AHashMap<&'static str, (Grade, Personal)>,
}

impl Grading {
    /// For these settings; `custom` are the operator's own types, which may be graded anew, too.
    ///
    /// # Errors
    /// A sentence that names the type that is not known.
    pub fn new(settings: &GradingSettings, custom: &CustomTypes) -> Result<Grading, String> {
        let mut by_id = AHashMap::new();
        for kind in TYPES {
            let data = &kind.data;
            by_id.insert(data.id, (settings.scheme.grade(data), settings.personal.class(data)));
        }
        for own in &settings.types {
            let id = own.id.as_str();
            let data = super::by_name(id).or_else(|| custom.by_name(id));
            let data = data.ok_or_else(|| format!("there is no type `{id}`"))?;
            let graded = by_id.entry(data.id).or_insert((data.grade, data.personal));
            *graded = (own.grade.unwrap_or(graded.0), own.personal.unwrap_or(graded.1));
        }
        Ok(Grading { settings: settings.clone(), by_id })
    }

    /// Grade and class of values of a type in a body, with what stood beside them and how many people are in it.
    pub(crate) fn of(&self, what: TypeId, data: &DataType, together: &Together, people: u32) -> (Grade, Personal) {
        let (mut grade, mut personal) = self.by_id.get(data.id).copied().unwrap_or((data.grade, data.personal));
        if !self.settings.escalate {
            return (grade, personal);
        }
        let bit = what.set();
        if data.sensitive_in_context && together.in_context & bit != 0 || together.of_minor & bit != 0 {
            personal = Personal::Sensitive;
        }
        if together.proves & bit != 0 {
            grade = grade.max(Grade::L4);
        }
        if personal != Personal::No && people >= self.settings.many_people {
            grade = grade.max(match grade {
                Grade::L1 => Grade::L2,
                Grade::L2 => Grade::L3,
                other => other.max(Grade::L4),
            });
        }
        (grade, personal)
    }
}

impl Scheme {
    fn grade(self, data: &DataType) -> Grade {
        let column = match self {
            Scheme::Default5 => return data.grade,
            Scheme::Gbt43697 => 0,
            Scheme::Jrt0197 => 1,
            Scheme::Ydt3813 => 2,
        };
        SCHEMES.get(data.id).and_then(|grades| grades.get(column)).copied().unwrap_or(data.grade)
    }
}

impl PersonalScheme {
    fn class(self, data: &DataType) -> Personal {
        match self {
            PersonalScheme::Gbt35273 if data.sensitive_in_context => Personal::Sensitive,
            _ => data.personal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grading(settings: &str) -> Grading {
        let settings: GradingSettings = serde_json::from_str(settings).expect("settings");
        Grading::new(&settings, &CustomTypes::default()).expect("known types")
    }

    fn of(grading: &Grading, what: TypeId, together: Together, people: u32) -> (Grade, Personal) {
        grading.of(what, &what.get().data, &together, people)
    }

    #[test]
    fn every_type_has_a_row_and_every_row_a_type() {
        let known: Vec<&str> = TYPES.iter().map(|kind| kind.data.id).collect();
        let unknown: Vec<_> = SCHEMES.keys().filter(|id| !known.contains(id)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let missing: Vec<_> = known.iter().filter(|id| !SCHEMES.contains_key(*id)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn schemes_and_own_grades() {
        let together = Together::default();
        assert_eq!(of(&grading("{}"), TypeId::RESIDENT_ID, together, 1), (Grade::L4, Personal::Personal));
        let finance = grading(r#"{"scheme":"jrt0197","personal":"gbt35273"}"#);
        assert_eq!(of(&finance, TypeId::RESIDENT_ID, together, 1), (Grade::L3, Personal::Sensitive));
        let own = grading(r#"{"types":[{"id":"email","grade":"L5"}]}"#);
        assert_eq!(of(&own, TypeId::EMAIL, together, 1).0, Grade::L5);
        let wrong = GradingSettings { types: vec![], ..GradingSettings::default() };
        assert!(Grading::new(&wrong, &CustomTypes::default()).is_ok());
        let unknown: GradingSettings = serde_json::from_str(r#"{"types":[{"id":"no_such"}]}"#).expect("settings");
        assert!(Grading::new(&unknown, &CustomTypes::default()).is_err_and(|wrong| wrong.contains("no_such")));
    }

    #[test]
    fn what_stands_together_is_raised() {
        let default = grading("{}");
        let raised = Together { proves: TypeId::NAME.set(), ..Together::default() };
        assert_eq!(of(&default, TypeId::NAME, raised, 1).0, Grade::L4);
        assert_eq!(of(&default, TypeId::MOBILE, Together::default(), 10_000).0, Grade::L4);
        assert_eq!(of(&grading(r#"{"escalate":false}"#), TypeId::NAME, raised, 99_999).0, Grade::L2);
    }
}
