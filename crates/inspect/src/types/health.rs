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
    canonical: super::without_blanks,
    mask: |_| "***".into(),
    ..Type::new(DataType::new(
        "medical",
        Text { en: "medical record", zh: "医疗健康信息" },
        Category::Health,
        Grade::L4,
        Personal::Sensitive,
    ))
};

/// Words that head the parts of a medical record; from [`CONDITIONS`] on, conditions and results. At most 32.
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
/// Index of the first condition.
const CONDITIONS: u8 = 14;

/// Bytes between two terms of one record.
const NEARBY: usize = 300;

/// Terms near each other in a text: together one value, as a record tells of one case.
#[derive(Default)]
pub(super) struct Terms {
    span: (usize, usize),
    /// Different terms, a bit for each.
    seen: u32,
    /// How many head a part, and how many of those are followed by what is medical by itself.
    heads: usize,
    told: usize,
    conditions: usize,
}

impl Terms {
    /// The next term; a candidate where those before it were a record that ended.
    pub fn next(&mut self, value: &str, (start, end): (usize, usize), index: u8) -> Option<Candidate> {
        let done = if start > self.span.1 + NEARBY { self.end() } else { None };
        if self.seen == 0 {
            self.span.0 = start;
        }
        self.span.1 = self.span.1.max(end);
        let bit = 1 << (index & 31);
        if self.seen & bit == 0 {
            self.seen |= bit;
            let rest = value.get(end..).unwrap_or_default();
            if let Some(told) = rest.strip_prefix(['：', ':', '为', '是']) {
                let is_set_off = rest.starts_with(['：', ':']);
                self.heads += usize::from(is_set_off);
                let length = what_is_told(told, is_set_off);
                if length > 0 {
                    self.told += 1;
                    self.span.1 = value.len() - told.len() + length;
                }
            }
            self.conditions += usize::from(index >= CONDITIONS);
        }
        done
    }

    /// What the terms so far are.
    pub fn end(&mut self) -> Option<Candidate> {
        let terms = std::mem::take(self);
        let points = match terms.seen.count_ones() {
            1 if terms.told > 0 => 65,
            0 | 1 => return None,
            // Articles about medicine have the words, too; records have them as heads, or a condition with its result.
            count if terms.heads >= 1 || terms.conditions >= 2 => 60 + 5 * count.min(5) as i16,
            _ => 40,
        };
        Some(Candidate::new(TypeId::MEDICAL, Form::Full, terms.span, points - 5))
    }
}

/// Bytes of what stands after a head, if it is medical by itself: `诊断：2型糖尿病`.
fn what_is_told(rest: &str, is_set_off: bool) -> usize {
    const LONGEST: usize = 60;
    let end = rest
        .char_indices()
        .take_while(|(at, _)| *at <= LONGEST)
        .find(|(_, c)| !c.is_alphanumeric() && !" .-、()（）".contains(*c));
    let length = end.map_or(rest.len(), |(at, _)| at);
    let told = rest.get(..length).filter(|_| length <= LONGEST).unwrap_or_default();
    // A sentence goes on: 检验结果为阳性的人员.
    let is_sentence = !is_set_off && told.contains(['的', '了', '应', '需']);
    if !is_sentence && named(told.trim(), LeafKind::Text).is_some() { length } else { 0 }
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
    for (term, index) in TERMS.iter().zip(0u8..) {
        if let Some(at) = value.find(term) {
            terms.next(value, (at, at + term.len()), index);
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
        assert_eq!(points("诊断：未知"), Vec::<i16>::new(), "one term");
        assert_eq!(points("诊断：2型糖尿病，门诊随访"), [60], "one term that tells");
    }
}
