//! Labelled bodies for the evaluation of content recognition: values of every type, good and spoilt, in full and
//! masked, under names in English, pinyin and Chinese or none, in the shapes that interfaces, pages and logs have; and
//! hard negatives. The checks that good values pass are the generator's own. The same seed gives the same bodies.
//!
//! What a recogniser is held to follows from the points of the handbook's rules, computed here once more: a value that
//! they lift to 60 or more must be told; one that they leave at 25 or less must not; between them, and where the rules
//! do not say what they give, either is right. Spoilt values and negatives must not be told at all.

mod checks;
mod kinds;
mod negatives;
mod shapes;
mod sources;
mod table;
mod values;

use spyhop_model::Form;

use crate::rng::Rng;

/// What kind of proof a type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// A check digit or character.
    Checked,
    /// Form, name and surroundings.
    Context,
}

/// Names of a type in keys and labels.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) en: &'static [&'static str],
    pub(crate) pinyin: &'static [&'static str],
    pub(crate) zh: &'static [&'static str],
}

/// How a body travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// As the body of a response.
    Response,
    /// As the body of a request.
    Request,
    /// As the query of a request's target, without its question mark.
    Query,
}

/// What a recogniser is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// To report it.
    Reported,
    /// To nothing: the rules leave it open.
    Either,
    /// Not to report it.
    Hidden,
}

/// One value of a body.
#[derive(Clone, Debug)]
pub struct Label {
    /// Its type.
    pub id: &'static str,
    /// Types that it may be told as with equal right.
    pub also: &'static [&'static str],
    /// Its place where the shape has only one way to write it: `$.data.list[*].idCard`, a field, a parameter.
    pub place: Option<String>,
    /// In full or masked.
    pub form: Form,
    /// The value as written, before any escaping.
    pub raw: String,
    /// What is expected.
    pub expect: Expect,
}

/// A body with what is in it.
#[derive(Clone, Debug)]
pub struct Body {
    /// How it travels.
    pub carrier: Carrier,
    /// Its media type; of a query, that of a form.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its values; none in a negative.
    pub labels: Vec<Label>,
    /// Its shape, or of a negative, what it is made of.
    pub shape: &'static str,
    /// How many negatives it holds.
    pub negatives: usize,
}

/// The types that are generated, in order of the table, with their groups.
pub fn types() -> Vec<(&'static str, Group)> {
    let mut types: Vec<(&'static str, Group)> = Vec::new();
    for kind in kinds::KINDS {
        if !types.iter().any(|(id, _)| *id == kind.id) {
            types.push((kind.id, kind.group));
        }
    }
    types
}

/// Bodies until `values` values have been written.
pub fn positives(seed: u64, values: usize) -> impl Iterator<Item = Body> {
    let mut rng = Rng::new(seed);
    let mut written = 0;
    std::iter::from_fn(move || {
        (written < values).then(|| {
            let body = shapes::positive(&mut rng.fork());
            written += body.labels.len();
            body
        })
    })
}

/// Bodies until `values` negatives have been written.
pub fn negatives(seed: u64, values: usize) -> impl Iterator<Item = Body> {
    let mut rng = Rng::new(seed);
    let mut written = 0;
    std::iter::from_fn(move || {
        (written < values).then(|| {
            let body = shapes::negative(&mut rng.fork());
            written += body.negatives;
            body
        })
    })
}

/// Lines of text, each with one value of these types or a negative.
pub fn sentences(seed: u64, count: usize, ids: &[&str]) -> impl Iterator<Item = Body> {
    let mut rng = Rng::new(seed);
    (0..count).map(move |_| shapes::sentence(&mut rng.fork(), ids))
}

/// A value that is recognised wherever it stands, for planting: its type and itself.
pub fn plant(rng: &mut Rng) -> (&'static str, String) {
    match rng.below(4) {
        0 => ("cn_resident_id", values::identity::resident_id(rng)),
        1 => ("bank_card", values::finance::card(rng)),
        2 => ("cn_mobile", values::contact::mobile(rng)),
        _ => ("email", values::contact::email(rng)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_handbook_is_generated() {
        let wanted = "cn_resident_id cn_resident_id15 cn_foreign_pr_id cn_mobile cn_landline bank_card bank_account \
            card_cvv card_expiry card_track cn_passport cn_hkmo_permit hkmo_home_permit tw_permit hkmotw_residence \
            cn_military_id uscc org_code biz_licence15 cn_driver_licence cn_plate vin email cn_name cn_address dob \
            gender ethnicity marital education religion political wechat_id openid unionid qq alipay_id \
            social_security provident_fund medical_insurance medical finance_balance finance_txn income credit_report \
            biometric id_photo imei imsi iccid mac ipv4 ipv6 geo account_password sms_code us_ssn us_itin iban uk_nino \
            in_aadhaar in_pan hk_id mo_id tw_id kr_rrn sg_nric my_nric th_id br_cpf de_taxid fr_nir es_nif it_cf \
            pl_pesel au_tfn ca_sin phone_intl";
        let types: Vec<&str> = types().into_iter().map(|(id, _)| id).collect();
        for id in wanted.split_whitespace() {
            assert!(types.contains(&id), "{id}");
        }
        assert_eq!(types.len(), wanted.split_whitespace().count());
    }

    #[test]
    fn the_same_seed_gives_the_same_bodies_and_every_shape() {
        let run = |seed| positives(seed, 6_000).map(|body| body.bytes).collect::<Vec<_>>();
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
        let shapes: std::collections::BTreeSet<_> = positives(3, 6_000).map(|body| body.shape).collect();
        assert!(shapes.len() >= 20, "{shapes:?}");
        let labels: Vec<Label> = positives(3, 20_000).flat_map(|body| body.labels).collect();
        for (id, _) in types() {
            let must = labels.iter().filter(|label| label.id == id && label.expect == Expect::Reported).count();
            // Without a name and alone, these are left open.
            assert!(must > 3 || ["tw_permit"].contains(&id), "{id}: {must} of {}", labels.len());
        }
        assert!(negatives(3, 2_000).all(|body| body.labels.is_empty() && body.negatives > 0));
    }

    #[test]
    fn labels_stand_in_their_bodies() {
        for body in positives(9, 3_000) {
            let text = String::from_utf8(body.bytes.clone()).expect("UTF-8");
            let is_escaped = ["query", "form"].contains(&body.shape);
            for label in body.labels.iter().filter(|label| label.raw.bytes().all(|b| b.is_ascii_alphanumeric())) {
                assert!(is_escaped || text.contains(&label.raw), "{} {text}", label.raw);
            }
        }
    }
}
