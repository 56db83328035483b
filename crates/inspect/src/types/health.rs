//! Health: records of illness and treatment.

use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::identity::is_han;
use super::reading::Readings;
use super::{Candidate, Scan, Type, TypeId};
use crate::walk::LeafKind;

/// Numbers of patients, diagnoses and what belongs to them.
pub(super) static MEDICAL: Type = Type {
    strong: &[
        "diagnosis",
        "diagnose",
        "diag",
        "diagname",
        "diagcode",
        "diagnosisname",
        "diagnosiscode",
        "diagnosisdesc",
        "disease",
        "diseasename",
        "diseasecode",
        "icd",
        "icd10",
        "icdcode",
        "icdname",
        "icd10code",
        "mrn",
        "medicalrecord",
        "medicalrecordno",
        "medicalhistory",
        "illness",
        "chiefcomplaint",
        "presentillness",
        "pasthistory",
        "allergy",
        "allergies",
        "allergyhistory",
        "allergichistory",
        "prescription",
        "patientid",
        "patientno",
        "admissionno",
        "inpatientno",
        "outpatientno",
        "clinicno",
        "blh",
        "zyh",
        "mzh",
        "zdmc",
        "zdbm",
        "jbmc",
        "jbbm",
        "zdjg",
        "bingshi",
        "zhenduan",
        "zhusu",
        "诊断",
        "病史",
        "病历",
        "病历号",
        "住院号",
        "门诊号",
        "疾病",
        "疾病名称",
        "主诉",
        "现病史",
        "既往史",
        "过敏史",
        "处方",
        "医嘱",
        "检验结果",
        "手术名称",
        "診斷",
        "病歷號",
        "過敏史",
    ],
    whole: &["zd", "surgery", "patient"],
    strong_points: (35, 25),
    han_label: 5,
    named: Some(named),
    is_text: true,
    canonical: |value| value.chars().filter(|c| !c.is_whitespace()).collect(),
    mask: |_| "***".into(),
    ..Type::new(DataType::new(
        "medical",
        Text { en: "medical record", zh: "医疗健康信息" },
        Category::Health,
        Grade::L4,
        Personal::Sensitive,
    ))
};

/// Words that head the parts of a medical record; from [`CONDITIONS`] on, conditions and results.
pub(super) const TERMS: &[&str] = &[
    "病历号",
    "住院号",
    "门诊号",
    "诊断",
    "主诉",
    "现病史",
    "既往史",
    "过敏史",
    "处方",
    "医嘱",
    "检验结果",
    "手术",
    "病歷號",
    "診斷",
    "HIV",
    "乙肝",
    "梅毒",
    "丙肝",
    "阳性",
    "阴性",
];
const CONDITIONS: &str = "HIV 乙肝 梅毒 丙肝 阳性 阴性";

/// Bytes between two terms of one record.
const NEARBY: usize = 300;

/// Terms near each other in a text.
#[derive(Default)]
pub(super) struct Terms<'a> {
    span: (usize, usize),
    /// Different terms, and whether one heads a part.
    seen: Vec<&'a str>,
    heads: usize,
    conditions: usize,
}

impl<'a> Terms<'a> {
    /// The next term; a candidate where those before it were a record that ended.
    pub fn next(&mut self, value: &'a str, (start, end): (usize, usize)) -> Option<Candidate> {
        let done = if start > self.span.1 + NEARBY { self.end() } else { None };
        let term = value.get(start..end)?;
        if self.seen.is_empty() {
            self.span.0 = start;
        }
        self.span.1 = end;
        if self.seen.len() < TERMS.len() && !self.seen.contains(&term) {
            self.seen.push(term);
            let rest = value.get(end..).unwrap_or_default();
            self.heads += usize::from(rest.starts_with(['：', ':', '为', '是']));
            self.conditions += usize::from(CONDITIONS.contains(term));
        }
        done
    }

    /// What the terms so far are.
    pub fn end(&mut self) -> Option<Candidate> {
        let terms = std::mem::take(self);
        let points = match terms.seen.len() {
            0 | 1 => return None,
            // Articles about medicine have the words, too; records have them as heads, or a condition with its result.
            count if terms.heads >= 1 || terms.conditions >= 2 => 60 + 5 * count.min(5) as i16,
            _ => 40,
        };
        Some(Candidate::new(TypeId::MEDICAL, Form::Full, terms.span, points - 5))
    }
}

/// Parts of names of diseases, complaints and medicines.
const PARTS: &[&str] = &[
    "炎",
    "病",
    "症",
    "癌",
    "瘤",
    "感染",
    "骨折",
    "损伤",
    "外伤",
    "高血压",
    "高血脂",
    "糖尿",
    "孕",
    "妊娠",
    "分娩",
    "剖宫",
    "术后",
    "切除",
    "置换",
    "痛",
    "热",
    "咳",
    "喘",
    "眩晕",
    "头晕",
    "呕",
    "腹泻",
    "结石",
    "梗死",
    "梗塞",
    "衰竭",
    "贫血",
    "过敏",
    "出血",
    "溃疡",
    "结节",
    "囊肿",
    "增生",
    "硬化",
    "肝",
    "肾",
    "心律",
    "冠心",
    "卒中",
    "瘫",
    "抑郁",
    "焦虑",
    "精神",
    "障碍",
    "综合征",
    "HIV",
    "艾滋",
    "梅毒",
    "结核",
    "阳性",
    "胶囊",
    "口服",
    "注射",
    "青霉素",
    "头孢",
    "疫苗",
    "甲亢",
    "甲减",
    "白内障",
    "哮喘",
    "息肉",
    "脱位",
    "突出",
];

/// Whether a text is a code of ICD-10: `I10`, `E11.9`.
fn is_icd10(value: &str) -> bool {
    let bytes = value.as_bytes();
    let head = matches!(bytes, [b'A'..=b'T' | b'V'..=b'Z', b'0'..=b'9', b'0'..=b'9', ..]);
    let rest = bytes.get(3..).unwrap_or_default();
    let is_rest = match rest {
        [] => true,
        [b'.', digits @ ..] => {
            (1..=4).contains(&digits.len())
                && digits.iter().all(|b| b.is_ascii_alphanumeric())
                && digits.first().is_some_and(u8::is_ascii_digit)
        }
        _ => false,
    };
    head && is_rest
}

/// A whole value under a name of medicine: a code, a number of a patient, a disease.
fn named(value: &str, kind: LeafKind) -> Option<i16> {
    if kind == LeafKind::Word || matches!(value, "-" | "无" | "正常" | "暂无" | "否认" | "不详" | "未见异常")
    {
        return None;
    }
    if is_icd10(value) {
        return Some(40);
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_number = (5..=20).contains(&value.len())
        && digits >= 4
        && value.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
    if is_number {
        return Some(25);
    }
    let is_text = value.chars().filter(|c| is_han(*c)).count() >= 2;
    (is_text && PARTS.iter().any(|part| value.contains(part))).then_some(35)
}

/// A whole value that begins with a Han character: a record of its own is found in text.
pub(super) fn whole(value: &str, scan: &Scan, out: &mut Readings) {
    let mut terms = Terms::default();
    if scan.named & TypeId::MEDICAL.set() == 0 || value.len() < 12 {
        return;
    }
    for term in TERMS {
        if let Some(at) = value.find(term) {
            terms.next(value, (at, at + term.len()));
        }
    }
    if let Some(found) = terms.end() {
        out.push(Candidate { start: 0, end: value.len(), ..found });
    }
}

#[cfg(test)]
mod tests {
    use super::super::phrases;
    use super::*;

    #[test]
    fn codes_and_names_of_diseases_under_a_name() {
        for (value, points) in [
            ("I10", 40),
            ("E11.9", 40),
            ("S72.001", 40),
            ("2型糖尿病", 35),
            ("急性上呼吸道感染", 35),
            ("ZY20230001", 25),
        ] {
            assert_eq!(named(value, LeafKind::Text), Some(points), "{value}");
        }
        for value in ["无", "网络诊断", "U10", "I1", "ok", "1", "自诊断通过", "2023-01-01T00:00:00"] {
            assert_eq!(named(value, LeafKind::Text), None, "{value}");
        }
    }

    fn points(text: &str) -> Vec<i16> {
        let mut found = Vec::new();
        phrases::find(text, &mut |all| {
            found.extend(all.iter().filter(|one| one.what == TypeId::MEDICAL).map(|one| one.points));
        });
        found
    }

    #[test]
    fn records_in_text() {
        assert_eq!(points("主诉：咳嗽3天。现病史：患者3天前受凉。"), [65]);
        assert_eq!(points("乙肝表面抗原阳性"), [65]);
        assert_eq!(points("医院提供诊断、手术等服务"), [35], "an article");
        assert_eq!(points("诊断：感冒"), Vec::<i16>::new(), "one term");
    }
}
