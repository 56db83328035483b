//! The table of what is generated: each type with its ways of writing, its names, and the points that the handbook's
//! rules give it.

use super::values::{abroad, contact, device, finance, identity, person};
use super::{Group, Names};
use crate::rng::Rng;

/// Makes a value.
type Make = fn(&mut Rng) -> String;
/// Masks a value.
type Mask = fn(&str, &mut Rng) -> String;

/// One way of writing values of a type.
#[derive(Debug)]
pub(super) struct Kind {
    /// The type.
    pub id: &'static str,
    pub group: Group,
    pub names: &'static Names,
    pub make: Make,
    /// Points of a whole leaf without a name.
    pub alone: i16,
    /// Points of a whole leaf under a name of the type.
    pub named: i16,
    /// Points in text after a label.
    pub labelled: i16,
    /// Points that another personal value in the record adds.
    pub record: i16,
    /// Points that an unquoted number loses; none where it is never a number.
    pub unquoted: Option<i16>,
    /// What looks like it and is not it.
    pub spoil: Option<Make>,
    pub mask: Option<Mask>,
    /// Types that it may be told as with equal right.
    pub also: &'static [&'static str],
    /// Types of what stands inside it, which may be told besides.
    pub holds: &'static [&'static str],
    /// How often, beside others.
    pub weight: u32,
    /// A type without which it is nothing.
    pub needs: Option<&'static str>,
    /// Too long for lines of a log and rows of a table.
    pub long: bool,
}

impl Kind {
    const fn new(id: &'static str, group: Group, names: &'static Names, alone: i16, make: Make) -> Kind {
        Kind {
            id,
            group,
            names,
            make,
            alone,
            named: alone + 35,
            labelled: alone + 15,
            record: 10,
            unquoted: None,
            spoil: None,
            mask: None,
            also: &[],
            holds: &[],
            weight: 4,
            needs: None,
            long: false,
        }
    }

    /// A type that only its name tells, with so many points.
    const fn by_name(id: &'static str, names: &'static Names, named: i16, make: Make) -> Kind {
        let mut kind = Kind::new(id, Group::Context, names, 0, make);
        kind.named = named;
        kind.labelled = named - 10 - 10;
        kind
    }

    const fn named(mut self, named: i16, labelled: i16) -> Kind {
        self.named = named;
        self.labelled = labelled;
        self
    }

    const fn unquoted(mut self, loss: i16) -> Kind {
        self.unquoted = Some(loss);
        self
    }

    const fn spoil(mut self, spoil: Make) -> Kind {
        self.spoil = Some(spoil);
        self
    }

    const fn mask(mut self, mask: Mask) -> Kind {
        self.mask = Some(mask);
        self
    }

    const fn also(mut self, also: &'static [&'static str]) -> Kind {
        self.also = also;
        self
    }

    const fn holds(mut self, holds: &'static [&'static str]) -> Kind {
        self.holds = holds;
        self
    }

    const fn weight(mut self, weight: u32) -> Kind {
        self.weight = weight;
        self
    }

    const fn record(mut self, record: i16) -> Kind {
        self.record = record;
        self
    }

    const fn needs(mut self, needs: &'static str) -> Kind {
        self.needs = Some(needs);
        self
    }

    const fn long(mut self) -> Kind {
        self.long = true;
        self
    }
}

const fn names(en: &'static [&'static str], pinyin: &'static [&'static str], zh: &'static [&'static str]) -> Names {
    Names { en, pinyin, zh }
}

const RESIDENT: Names = names(
    &["idCard", "idCardNo", "idNo", "identityCard", "identityNo", "certNo", "certificateNo", "credentialNo"],
    &["sfz", "sfzh", "sfzhm", "shenfenzheng", "zjhm"],
    &["身份证", "身份证号", "身份证号码", "公民身份号码", "证件号", "证件号码"],
);
const FOREIGN: Names = names(&["prcNo", "idNo", "certNo"], &["zjhm"], &["永居证", "证件号码"]);
const RESIDENCE: Names = names(&["idNo", "certNo"], &["zjhm"], &["居住证", "证件号码"]);
const MOBILE: Names = names(
    &["mobile", "mobilePhone", "phone", "phoneNo", "phoneNumber", "cell", "tel", "telephone", "contactPhone", "msisdn"],
    &["sjh", "sjhm", "shouji", "shoujihao", "lxdh", "lxfs", "dianhua"],
    &["手机", "手机号", "电话", "联系方式", "联系电话", "预留手机", "客户手机号"],
);
const LANDLINE: Names =
    names(&["tel", "fax", "officePhone", "telephone"], &["zuoji", "dianhua"], &["座机", "固话", "传真", "办公电话"]);
const CARD: Names = names(
    &["bankCard", "bankCardNo", "cardNo", "cardNumber", "payCard", "pan"],
    &["yhk", "yhkh", "yinhangka", "kahao"],
    &["银行卡", "银行卡号", "卡号", "借记卡", "信用卡号"],
);
const ACCOUNT: Names =
    names(&["acctNo", "bankAccount", "accNo"], &["zhanghao"], &["账号", "帐号", "对公账户", "开户账号"]);
const CVV: Names = names(&["cvv", "cvv2", "cvc"], &["cvv"], &["安全码"]);
const EXPIRY: Names = names(&["expDate", "validThru"], &["expDate"], &["有效期"]);
const TRACK: Names = names(&["track1", "track2"], &["track2"], &["磁道"]);
const PASSPORT: Names = names(&["passport", "passportNo"], &["hzh", "huzhao"], &["护照", "护照号"]);
const HKMO: Names = names(&["hkmoPermit"], &["txz"], &["港澳通行证"]);
const HOME: Names = names(&["homePermit"], &["hxz"], &["回乡证"]);
const TWP: Names = names(&["mtp"], &["tbz", "taibaozheng"], &["台胞证", "台湾居民来往大陆通行证"]);
const MILITARY: Names =
    names(&["militaryId", "officerCard"], &["junguanzheng"], &["军官证", "士兵证", "文职证", "警官证"]);
const USCC: Names = names(
    &["uscc", "creditCode", "socialCreditCode", "unifiedCode", "taxNo"],
    &["tyshxydm", "xydm", "nsrsbh"],
    &["统一社会信用代码", "纳税人识别号", "税号"],
);
const ORG: Names = names(&["orgCode"], &["zzjgdm"], &["组织机构代码"]);
const BIZ: Names = names(&["businessLicense"], &["yyzz"], &["营业执照注册号"]);
const DRIVER: Names = names(&["driverLicense"], &["jszh", "jsz"], &["驾驶证号"]);
const DRIVER_FILE: Names = names(&["driverLicense"], &["jszh", "jsz"], &["档案编号", "驾驶证号"]);
const PLATE: Names = names(&["plate", "plateNo", "carNo"], &["cph", "chepai", "hphm"], &["车牌", "车牌号", "号牌号码"]);
const VIN: Names = names(&["vin", "frameNo"], &["cjh", "clsbdh"], &["车架号", "车辆识别代号"]);
const EMAIL: Names = names(&["email", "mail", "userEmail"], &["yx", "youxiang"], &["邮箱", "电子邮件"]);
const NAME: Names = names(
    &["name", "realName", "custName", "customerName", "contact", "linkman", "payeeName", "accName"],
    &["xm", "xingming", "khxm", "lxr"],
    &["姓名", "真实姓名", "户名", "持卡人", "联系人", "收货人", "患者"],
);
const ADDRESS: Names = names(
    &["address", "addr", "detailAddress", "homeAddr", "receiveAddr"],
    &["dz", "dizhi", "zhuzhi", "xxdz"],
    &["地址", "住址", "详细地址", "收货地址", "户籍地址"],
);
const BIRTH: Names = names(&["birthday", "birthDate", "dob"], &["csrq", "csny", "shengri"], &["出生日期", "生日"]);
const GENDER: Names = names(&["sex", "gender"], &["xb"], &["性别"]);
const ETHNICITY: Names = names(&["nation", "ethnicity"], &["mz"], &["民族"]);
const MARITAL: Names = names(&["marriage", "maritalStatus"], &["hyzk"], &["婚姻状况"]);
const EDUCATION: Names = names(&["education"], &["xueli"], &["学历"]);
const RELIGION: Names = names(&["religion"], &["zjxy"], &["宗教信仰"]);
const POLITICAL: Names = names(&["politicalStatus"], &["zzmm"], &["政治面貌"]);
const WECHAT: Names = names(&["wechat", "wx", "weixin"], &["weixin"], &["微信号"]);
const OPENID: Names = names(&["openid", "openId"], &["openid"], &["openid"]);
const UNIONID: Names = names(&["unionid", "unionId"], &["unionid"], &["unionid"]);
const QQ: Names = names(&["qq", "qqNo"], &["qq"], &["QQ号"]);
const ALIPAY: Names = names(&["alipayUserId", "buyerId", "sellerId"], &["alipayUserId"], &["支付宝账号"]);
const SOCIAL: Names = names(&["socialSecurityNo"], &["sbh", "shbzh", "sbkh"], &["社保号", "社保卡号"]);
const PROVIDENT: Names = names(&["providentFundNo"], &["gjjzh"], &["公积金账号"]);
const INSURANCE: Names = names(&["medicalInsuranceNo"], &["ybkh"], &["医保号", "医保卡号"]);
const MEDICAL: Names = names(&["diagnosis", "diag", "disease"], &["zd"], &["诊断", "病史"]);
const VISIT: Names = names(&["medicalRecord", "content"], &["bingli"], &["病历", "内容"]);
const BALANCE: Names = names(&["balance", "availableBalance"], &["ye", "zhye"], &["余额", "账户余额"]);
const TXN: Names = names(&["tradeAmt"], &["jyje"], &["交易金额"]);
const INCOME: Names = names(&["salary"], &["gz"], &["工资", "收入"]);
const CREDIT: Names = names(&["creditScore"], &["zx"], &["征信", "授信额度"]);
const FACE: Names =
    names(&["face", "faceImg", "faceBase64", "livePhoto", "fingerprint"], &["rlzp"], &["人脸", "活体", "指纹"]);
const ID_PHOTO: Names = names(&["idCardFront", "idCardBack"], &["sfzzm", "sfzfm"], &["身份证正面", "国徽面"]);
const IMEI: Names = names(&["imei", "deviceImei"], &["imei"], &["IMEI"]);
const IMSI: Names = names(&["imsi"], &["imsi"], &["IMSI"]);
const ICCID: Names = names(&["iccid", "simNo"], &["iccid"], &["ICCID"]);
const MAC: Names = names(&["mac", "macAddr", "bssid"], &["mac"], &["MAC"]);
const IP: Names = names(&["ip", "clientIp", "lastLoginIp"], &["ip"], &["IP"]);
const GEO: Names = names(&["location"], &["location"], &["location"]);
const PASSWORD: Names =
    names(&["password", "passwd", "pwd", "pass", "payPwd"], &["mima", "mm"], &["密码", "口令", "支付密码"]);
const CODE: Names = names(&["smsCode", "verifyCode"], &["yzm"], &["验证码"]);
const MESSAGE: Names = names(&["content", "msg", "text"], &["neirong"], &["内容", "短信内容"]);
const SSN: Names = names(&["ssn", "socialSecurityNumber"], &["ssn"], &["SSN"]);
const ITIN: Names = names(&["itin"], &["itin"], &["ITIN"]);
const IBAN: Names = names(&["iban"], &["iban"], &["IBAN"]);
const NINO: Names = names(&["nino", "nationalInsuranceNumber"], &["nino"], &["NINO"]);
const AADHAAR: Names = names(&["aadhaar", "aadhaarNumber"], &["aadhaar"], &["Aadhaar"]);
const PAN: Names = names(&["panCard", "panNumber"], &["panCard"], &["PAN"]);
const HKID: Names = names(&["hkid", "hkIdCard"], &["hkid"], &["香港身份证"]);
const MACAU: Names = names(&["moId"], &["moId"], &["澳门身份证"]);
const TWID: Names = names(&["twId"], &["twId"], &["台湾身份证"]);
const RRN: Names = names(&["rrn"], &["rrn"], &["RRN"]);
const NRIC: Names = names(&["nric"], &["nric"], &["NRIC"]);
const MYKAD: Names = names(&["mykad", "icNo"], &["mykad"], &["MyKad"]);
const THAI: Names = names(&["thaiId", "thaiNationalId"], &["thaiId"], &["Thai ID"]);
const CPF: Names = names(&["cpf"], &["cpf"], &["CPF"]);
const STEUER: Names = names(&["steuerId", "taxId"], &["steuerId"], &["Steuer-ID"]);
const NIR: Names = names(&["nir", "numeroSecu"], &["nir"], &["NIR"]);
const NIF: Names = names(&["nif", "dni"], &["nif"], &["NIF"]);
const CODICE: Names = names(&["codiceFiscale"], &["codiceFiscale"], &["Codice Fiscale"]);
const PESEL: Names = names(&["pesel"], &["pesel"], &["PESEL"]);
const TFN: Names = names(&["tfn", "taxFileNumber"], &["tfn"], &["TFN"]);
const SIN: Names = names(&["sin", "socialInsuranceNumber"], &["sin"], &["SIN"]);

use Group::{Checked, Context};

/// Everything that is generated.
pub(super) static KINDS: &[Kind] = &[
    // Documents of mainland China.
    Kind::new("cn_resident_id", Checked, &RESIDENT, 75, identity::resident_id)
        .unquoted(10)
        .spoil(identity::no_resident_id)
        .mask(identity::mask_id)
        .weight(24),
    Kind::new("cn_resident_id15", Context, &RESIDENT, 20, identity::resident_id15),
    Kind::new("cn_foreign_pr_id", Checked, &FOREIGN, 60, identity::foreign_pr_id).spoil(identity::no_foreign_pr_id),
    Kind::new("hkmotw_residence", Checked, &RESIDENCE, 75, identity::residence).also(&["cn_resident_id"]),
    Kind::new("cn_passport", Context, &PASSPORT, 25, identity::passport).mask(identity::mask_document),
    Kind::new("cn_hkmo_permit", Context, &HKMO, 20, identity::hkmo_permit).mask(identity::mask_document).weight(3),
    Kind::new("hkmo_home_permit", Context, &HOME, 25, identity::home_permit).mask(identity::mask_document),
    Kind::by_name("tw_permit", &TWP, 50, identity::tw_permit),
    Kind::new("cn_military_id", Context, &MILITARY, 60, identity::military_id),
    Kind::new("uscc", Checked, &USCC, 70, identity::uscc).spoil(identity::no_uscc).weight(8),
    Kind::new("uscc", Checked, &USCC, 40, identity::uscc_digits).weight(2),
    Kind::new("org_code", Checked, &ORG, 30, identity::org_code),
    Kind::new("biz_licence15", Checked, &BIZ, 25, identity::biz_licence).spoil(identity::no_biz_licence),
    Kind::new("cn_driver_licence", Context, &DRIVER, 75, identity::resident_id).also(&["cn_resident_id"]),
    Kind::by_name("cn_driver_licence", &DRIVER_FILE, 60, identity::driver_file),
    Kind::new("cn_plate", Context, &PLATE, 70, identity::plate).mask(identity::mask_plate).weight(8),
    Kind::new("vin", Checked, &VIN, 60, identity::vin).spoil(identity::no_vin).weight(6),
    // Reaching a person.
    Kind::new("cn_mobile", Context, &MOBILE, 55, contact::mobile)
        .unquoted(15)
        .spoil(contact::no_mobile)
        .mask(contact::mask_mobile)
        .weight(24),
    Kind::new("cn_mobile", Context, &MOBILE, 75, contact::formatted_mobile).weight(6).also(&["phone_intl"]),
    Kind::new("cn_landline", Context, &LANDLINE, 50, contact::landline).mask(contact::mask_landline),
    Kind::new("cn_landline", Context, &LANDLINE, 20, contact::plain_landline),
    Kind::new("email", Context, &EMAIL, 75, contact::email)
        .spoil(contact::no_email)
        .mask(contact::mask_email)
        .holds(&["qq"])
        .weight(16),
    Kind::by_name("wechat_id", &WECHAT, 65, contact::wechat),
    Kind::new("wechat_id", Context, &WECHAT, 70, contact::wxid).weight(2),
    Kind::new("openid", Context, &OPENID, 40, contact::openid).also(&["unionid"]),
    Kind::new("unionid", Context, &UNIONID, 40, contact::openid).also(&["openid"]),
    Kind::by_name("qq", &QQ, 65, contact::qq).unquoted(0).mask(contact::mask_qq),
    Kind::new("alipay_id", Context, &ALIPAY, 45, finance::alipay),
    Kind::new("cn_address", Context, &ADDRESS, 70, contact::address).mask(contact::mask_address).weight(16),
    Kind::new("geo", Context, &GEO, 35, contact::position).named(70, 50),
    // Money.
    Kind::new("bank_card", Checked, &CARD, 70, finance::card)
        .unquoted(10)
        .spoil(finance::no_card)
        .mask(finance::mask_card)
        .weight(20),
    Kind::new("bank_card", Checked, &CARD, 70, finance::grouped_card).weight(6),
    Kind::new("bank_card", Checked, &CARD, 55, finance::scheme_card).mask(finance::mask_card).weight(8),
    Kind::by_name("bank_account", &ACCOUNT, 65, finance::account).mask(finance::mask_account).also(&["bank_card"]),
    Kind::by_name("card_cvv", &CVV, 70, finance::cvv).needs("bank_card"),
    Kind::by_name("card_expiry", &EXPIRY, 70, finance::expiry).needs("bank_card"),
    Kind::new("card_track", Checked, &TRACK, 70, finance::track).named(90, 70).holds(&["bank_card"]),
    Kind::by_name("finance_balance", &BALANCE, 60, finance::amount).unquoted(0),
    Kind::by_name("finance_txn", &TXN, 60, finance::amount).unquoted(0),
    Kind::by_name("income", &INCOME, 60, finance::income).unquoted(0),
    Kind::by_name("credit_report", &CREDIT, 60, finance::credit_score).unquoted(0),
    // The person.
    Kind::new("cn_name", Context, &NAME, 15, person::name)
        .named(65, 40)
        .record(20)
        .spoil(person::no_name)
        .mask(person::mask_name)
        .weight(20),
    Kind::by_name("dob", &BIRTH, 70, person::birth).spoil(person::no_birth).weight(8),
    Kind::by_name("gender", &GENDER, 60, person::gender).spoil(person::no_term),
    Kind::by_name("ethnicity", &ETHNICITY, 60, person::ethnicity).spoil(person::no_term),
    Kind::by_name("marital", &MARITAL, 60, person::marital).spoil(person::no_term),
    Kind::by_name("education", &EDUCATION, 60, person::education).spoil(person::no_term),
    Kind::by_name("religion", &RELIGION, 60, person::religion).spoil(person::no_term),
    Kind::by_name("political", &POLITICAL, 60, person::political).spoil(person::no_term),
    Kind::by_name("social_security", &SOCIAL, 65, identity::insurance),
    Kind::new("social_security", Context, &SOCIAL, 75, identity::resident_id).also(&["cn_resident_id"]).weight(2),
    Kind::by_name("provident_fund", &PROVIDENT, 65, identity::insurance),
    Kind::by_name("medical_insurance", &INSURANCE, 65, identity::insurance),
    Kind::by_name("medical", &MEDICAL, 60, person::disease),
    Kind::by_name("medical", &MEDICAL, 60, person::icd).weight(2),
    Kind::new("medical", Context, &VISIT, 70, person::visit).named(70, 60).holds(&["medical"; 6]).long().weight(3),
    Kind::by_name("biometric", &FACE, 75, person::picture).long().also(&["id_photo"]).weight(1),
    Kind::by_name("id_photo", &ID_PHOTO, 70, person::picture).long().also(&["biometric"]).weight(1),
    // Devices and lines.
    Kind::new("imei", Checked, &IMEI, 35, device::imei).spoil(device::no_imei).unquoted(0),
    Kind::new("imsi", Context, &IMSI, 45, device::imsi),
    Kind::new("iccid", Checked, &ICCID, 65, device::iccid),
    Kind::new("mac", Context, &MAC, 65, device::mac).spoil(device::no_mac),
    Kind::new("ipv4", Context, &IP, 50, device::ipv4).spoil(device::no_ipv4),
    Kind::new("ipv6", Context, &IP, 50, device::ipv6),
    // Secrets.
    Kind::by_name("account_password", &PASSWORD, 75, person::password).spoil(person::no_password),
    Kind::by_name("sms_code", &CODE, 75, person::code),
    Kind::new("sms_code", Context, &MESSAGE, 75, person::message).named(75, 65).long().weight(2),
    // Other countries.
    Kind::new("us_ssn", Context, &SSN, 55, abroad::ssn).spoil(abroad::no_ssn),
    Kind::by_name("us_ssn", &SSN, 60, abroad::plain_ssn).weight(1),
    Kind::new("us_itin", Context, &ITIN, 55, abroad::itin).weight(3),
    Kind::new("iban", Checked, &IBAN, 80, abroad::iban).spoil(abroad::no_iban),
    Kind::new("uk_nino", Context, &NINO, 60, abroad::nino).spoil(abroad::no_nino).weight(3),
    Kind::new("in_aadhaar", Checked, &AADHAAR, 40, abroad::aadhaar).spoil(abroad::no_aadhaar).weight(2),
    Kind::new("in_aadhaar", Checked, &AADHAAR, 55, abroad::grouped_aadhaar).weight(2),
    Kind::new("in_pan", Context, &PAN, 60, abroad::pan).weight(3),
    Kind::new("hk_id", Checked, &HKID, 65, abroad::hkid).spoil(abroad::no_hkid),
    Kind::new("mo_id", Context, &MACAU, 45, abroad::macau_id).named(60, 40).weight(2),
    Kind::new("tw_id", Checked, &TWID, 65, abroad::tw_id).spoil(abroad::no_tw_id),
    Kind::new("kr_rrn", Checked, &RRN, 50, abroad::rrn).spoil(abroad::no_rrn).weight(3),
    Kind::new("sg_nric", Checked, &NRIC, 60, abroad::nric).spoil(abroad::no_nric).weight(3),
    Kind::new("my_nric", Context, &MYKAD, 40, abroad::my_nric).weight(3),
    Kind::new("th_id", Checked, &THAI, 40, abroad::thai).spoil(abroad::no_thai).weight(3),
    Kind::new("br_cpf", Checked, &CPF, 40, abroad::cpf).spoil(abroad::no_cpf).weight(3),
    Kind::new("de_taxid", Checked, &STEUER, 40, abroad::german_tax).spoil(abroad::no_german_tax).weight(3),
    Kind::new("fr_nir", Checked, &NIR, 40, abroad::nir).spoil(abroad::no_nir).weight(3),
    Kind::new("es_nif", Checked, &NIF, 40, abroad::nif).spoil(abroad::no_nif).weight(3),
    Kind::new("it_cf", Checked, &CODICE, 60, abroad::codice).spoil(abroad::no_codice).weight(3),
    Kind::new("pl_pesel", Checked, &PESEL, 40, abroad::pesel).spoil(abroad::no_pesel).weight(3),
    Kind::new("au_tfn", Checked, &TFN, 35, abroad::tfn).spoil(abroad::no_tfn).weight(3),
    Kind::new("ca_sin", Checked, &SIN, 35, abroad::sin).spoil(abroad::no_sin).weight(3),
    Kind::new("phone_intl", Context, &MOBILE, 70, abroad::phone),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spoilt_values_are_not_good_ones_and_masks_hide() {
        for kind in KINDS {
            let mut rng = Rng::new(5);
            for _ in 0..200 {
                let good = (kind.make)(&mut rng);
                assert!(!good.is_empty(), "{}", kind.id);
                if let Some(mask) = kind.mask {
                    let masked = mask(&good, &mut rng);
                    assert!(masked.contains('*') && masked != good, "{} {good} {masked}", kind.id);
                }
                if let Some(spoil) = kind.spoil {
                    assert_ne!(spoil(&mut rng), good, "{}", kind.id);
                }
            }
        }
    }
}
