//! Postal addresses of mainland China, Hong Kong and Macau in Chinese characters.
//!
//! An address goes from the large to the small: divisions, street or town, number, building, room. Each level that is
//! there counts; divisions alone tell where somebody is only coarsely and are no address here.

use std::sync::LazyLock;

use ahash::AHashMap;
use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind, StartKind};
use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::identity::is_han;
use super::reading::Readings;
use super::{Candidate, Scan, Type, TypeId, TypeSet};
use crate::walk::LeafKind;

/// Postal address down to street, number or building.
pub(super) static ADDRESS: Type = Type {
    strong: &[
        "address",
        "addr",
        "detailaddress",
        "detailaddr",
        "addressdetail",
        "addrdetail",
        "fulladdress",
        "homeaddr",
        "homeaddress",
        "liveaddress",
        "livingaddress",
        "residenceaddress",
        "residentaddress",
        "receiveaddr",
        "receiveaddress",
        "receiveraddress",
        "receiveraddr",
        "consigneeaddress",
        "deliveryaddress",
        "shippingaddress",
        "shipaddress",
        "contactaddress",
        "contactaddr",
        "postaddress",
        "mailingaddress",
        "registeraddress",
        "householdaddress",
        "companyaddress",
        "workaddress",
        "street",
        "streetaddress",
        "addressline",
        "dz",
        "dizhi",
        "zhuzhi",
        "xxdz",
        "jtdz",
        "jtzz",
        "lxdz",
        "txdz",
        "hjdz",
        "hjszd",
        "zzdz",
        "xzz",
        "shdz",
        "dwdz",
        "shouhuodizhi",
        "地址",
        "住址",
        "详细地址",
        "收货地址",
        "收件地址",
        "户籍地址",
        "户籍所在地",
        "家庭地址",
        "家庭住址",
        "联系地址",
        "通讯地址",
        "通信地址",
        "居住地址",
        "现住址",
        "居住地",
        "单位地址",
        "办公地址",
        "寄送地址",
        "配送地址",
        "詳細地址",
        "收貨地址",
        "戶籍地址",
        "通訊地址",
        "聯絡地址",
    ],
    medium: &["location", "place", "position", "residence", "receiver", "consignee", "位置", "户籍", "籍贯"],
    named: Some(named),
    is_text: true,
    canonical: super::without_blanks,
    mask: |value| {
        let mut window = Window::new(value, 0);
        let (end, ..) = window.divisions(0);
        format!("{}***", value.get(..window.offset(end)).unwrap_or_default())
    },
    ..Type::new(DataType::new(
        "cn_address",
        Text { en: "postal address", zh: "地址" },
        Category::Location,
        Grade::L3,
        Personal::Personal,
    ))
};

/// Longest name of a division, in characters.
const LONGEST_DIVISION: usize = 15;
/// Characters that are read of one address.
const LONGEST: usize = 80;
/// Longest name of a street or a building, in characters.
const LONGEST_NAME: usize = 12;

/// Names of divisions with their level, 1 to 3, and which two characters begin one.
struct Divisions {
    levels: AHashMap<&'static str, u8>,
    /// Finds the longest name at a place; the level of each.
    search: Option<AhoCorasick>,
    of_pattern: Vec<u8>,
    begins: Vec<u64>,
}

fn slot(first: char, second: char) -> usize {
    (first as usize).wrapping_mul(31).wrapping_add(second as usize) & 0xFFFF
}

impl Divisions {
    fn can_begin(&self, first: char, second: char) -> bool {
        let slot = slot(first, second);
        self.begins.get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// The longest division at `at`: its length in bytes, and its level.
    fn at(&self, text: &str, at: usize) -> Option<(usize, u8)> {
        let end = text.len().min(at + 3 * LONGEST_DIVISION);
        let input = Input::new(text.as_bytes()).range(at..end).anchored(Anchored::Yes);
        let found = self.search.as_ref()?.find(input)?;
        Some((found.len(), *self.of_pattern.get(found.pattern().as_usize())?))
    }
}

static DIVISIONS: LazyLock<Divisions> = LazyLock::new(|| {
    let mut levels: AHashMap<&'static str, u8> = AHashMap::new();
    let rows = || include_str!("../../data/divisions.tsv").lines().filter_map(|line| line.split_once('\t'));
    for (level, name) in rows() {
        levels.insert(name, level.parse().unwrap_or(3));
    }
    // Provinces and cities are written without the word for what they are, too.
    for (level, name) in rows().filter(|(level, _)| *level != "3") {
        if let Some(short) = short(name) {
            levels.entry(short).or_insert(level.parse().unwrap_or(3));
        }
    }
    let mut begins = vec![0u64; 0x1_0000 / 64];
    for name in levels.keys() {
        let mut characters = name.chars();
        if let (Some(first), Some(second)) = (characters.next(), characters.next()) {
            let slot = slot(first, second);
            if let Some(word) = begins.get_mut(slot / 64) {
                *word |= 1 << (slot % 64);
            }
        }
    }
    let search = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .start_kind(StartKind::Anchored)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(levels.keys());
    let of_pattern = levels.values().copied().collect();
    Divisions { levels, search: search.ok(), of_pattern, begins }
});

/// A province or city without the word for what it is: `广东`, `内蒙古`, `深圳`.
fn short(name: &'static str) -> Option<&'static str> {
    const KINDS: &[&str] =
        &["维吾尔自治区", "回族自治区", "壮族自治区", "自治区", "特别行政区", "地区", "省", "市", "盟"];
    let short = KINDS.iter().find_map(|kind| name.strip_suffix(kind))?;
    (short.chars().count() >= 2).then_some(short)
}

/// Whether a text is the name of a division, in full or, of a province or city, in short.
pub(super) fn is_division(value: &str) -> bool {
    DIVISIONS.levels.contains_key(value)
}

/// The characters from some place on, with their offsets, up to the first that stands in no address.
struct Window<'a> {
    text: &'a str,
    from: usize,
    /// Those that were not read yet, and how many were.
    rest: std::str::Chars<'a>,
    read: usize,
    characters: [(u32, char); LONGEST],
}

/// What was read of an address: offsets in [`Window`].
#[derive(Clone, Copy, Debug, Default)]
struct Parsed {
    end: usize,
    divisions: usize,
    is_street: bool,
    is_town: bool,
    is_number: bool,
    is_building: bool,
}

impl Parsed {
    fn points(self) -> i16 {
        let level = |is: bool| if is { 20 } else { 0 };
        15 * self.divisions.min(2) as i16
            + level(self.is_street || self.is_town)
            + level(self.is_number)
            + level(self.is_building)
    }

    /// It tells more than the district or town.
    fn is_detailed(self) -> bool {
        self.is_street || self.is_building || self.is_number && (self.is_town || self.divisions > 0)
    }
}

fn is_numeral(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() && "一二三四五六七八九十百零〇甲乙丙丁东西南北中前后".contains(c)
}

impl Window<'_> {
    fn new(text: &str, at: usize) -> Window<'_> {
        let rest = text.get(at..).unwrap_or_default();
        Window { text, from: at, rest: rest.chars(), read: 0, characters: [(0, ' '); LONGEST] }
    }

    /// The character of that index, which is read when it is first asked for: most places are no address, as one or two
    /// characters tell.
    fn at(&mut self, index: usize) -> Option<char> {
        while self.read <= index {
            let slot = self.characters.get_mut(self.read)?;
            let at = self.text.len().saturating_sub(self.from + self.rest.as_str().len());
            let c = self.rest.clone().next().filter(|c| is_part(*c))?;
            self.rest.next();
            *slot = (at as u32, c);
            self.read += 1;
        }
        self.characters.get(index).map(|(_, c)| *c)
    }

    fn before(&mut self, index: usize) -> Option<char> {
        index.checked_sub(1).and_then(|index| self.at(index))
    }

    /// The longest known division at `from`: how many characters, and its level.
    fn division(&mut self, from: usize) -> Option<(usize, u8)> {
        if !DIVISIONS.can_begin(self.at(from)?, self.at(from + 1)?) {
            return None;
        }
        // Names of divisions are of characters of three bytes.
        let (length, level) = DIVISIONS.at(self.text, self.from + self.characters.get(from)?.0 as usize)?;
        Some((length / 3, level))
    }

    /// After a known division, one that the list lacks: a few characters and the word for what it is.
    fn unknown_division(&mut self, from: usize) -> Option<usize> {
        const LONGEST_NAME: usize = 5;
        let mut last = ' ';
        for length in 0..=LONGEST_NAME {
            let c = self.at(from + length)?;
            if matches!(c, '市' | '区' | '县' | '旗' | '州' | '盟') {
                let is_name = length > 0 && !"小园社景校院厂库灾业作生住宅城超夜".contains(last);
                return is_name.then_some(length + 1);
            }
            if !is_han(c) || is_stop(c) || matches!(c, '路' | '街' | '道' | '巷' | '镇' | '乡' | '村' | '号' | '楼')
            {
                return None;
            }
            last = c;
        }
        None
    }

    /// The divisions at `from`: where they end, and how many.
    fn divisions(&mut self, from: usize) -> (usize, usize) {
        // A city that is a province is written twice: 上海市上海市浦东新区.
        const MOST: usize = 5;
        const TWICE: usize = 1;
        let (mut at, mut count, mut level, mut twice) = (from, 0, 0, 0);
        if self.at(at) == Some('中') && self.at(at + 1) == Some('国') {
            at += 2;
        }
        let begin = at;
        while count < MOST {
            let separated =
                at + usize::from(count > 0 && self.at(at).is_some_and(|c| matches!(c, ' ' | '-' | '/' | ',' | '，')));
            match self.division(separated).filter(|(_, next)| *next > level || *next == level && twice < TWICE) {
                // A short name right before the word for a street is the street's: 南京路, 中山大道.
                Some((length, _)) if self.is_street_at(separated + length) => break,
                Some((length, next)) => {
                    twice += usize::from(next == level);
                    (at, count, level) = (separated + length, count + 1, next);
                }
                None => match self.unknown_division(separated).filter(|_| count > 0 && level < 3) {
                    Some(length) => (at, count, level) = (separated + length, count + 1, level + 1),
                    None => break,
                },
            }
        }
        if at == begin { (from, 0) } else { (at, count) }
    }

    /// Whether the word for a street is there.
    fn is_street_at(&mut self, at: usize) -> bool {
        match self.at(at) {
            Some('路' | '街') => true,
            Some('大') => matches!(self.at(at + 1), Some('道' | '街')),
            _ => false,
        }
    }

    /// What stands after the divisions.
    fn detail(&mut self, from: usize, divisions: usize, text: bool) -> Parsed {
        let mut parsed = Parsed { end: from, divisions, ..Parsed::default() };
        let (mut at, mut name) = (from, 0);
        while let Some(c) = self.at(at) {
            let (before, next) = (self.before(at).unwrap_or(' '), self.at(at + 1).unwrap_or(' '));
            let is_separator = matches!(c, ',' | '，' | '/');
            if !text && is_separator && parsed.end == at {
                (at, parsed.end) = (at + 1, at + 1);
                continue;
            }
            let is_stop = if text {
                is_stop(c) && !is_of_name(before, c, next)
            } else {
                matches!(c, '的' | '了' | '吗' | '您' | '我' | '你' | '他' | '她')
            };
            if is_separator || is_stop || name > LONGEST_NAME {
                break;
            }
            if c == ' ' && text && parsed.end != at {
                break;
            }
            let has_number = || is_numeral(before);
            let is_marker = match c {
                '街' if next == '道' => false,
                '道' if before == '街' && name >= 2 => set(&mut parsed.is_town),
                '镇' | '乡' if name >= 1 && !"路街道".contains(next) => set(&mut parsed.is_town),
                '路' | '街' | '道' | '巷' | '弄' if name >= 1 && !is_no_street(before, c, next) => {
                    // A street after a house number is another address.
                    if parsed.is_number && !parsed.is_building && !"巷弄".contains(c) {
                        break;
                    }
                    set(&mut parsed.is_street)
                }
                '同' if before == '胡' && name >= 2 => set(&mut parsed.is_street),
                '号' if before.is_ascii_alphanumeric() || "一二三四五六七八九十".contains(before) => {
                    let is_placed = parsed.is_street || parsed.is_town || parsed.is_building || !text;
                    is_placed && !"线文令机码称召桌技公航".contains(next) && set(&mut parsed.is_number)
                }
                '组' | '队' if has_number() && !"东西南北中前后".contains(before) => {
                    set(&mut parsed.is_building)
                }
                '座' | '栋' | '幢' | '室' | '层' | '楼' if has_number() => set(&mut parsed.is_building),
                '楼' | '院' if before == '号' => set(&mut parsed.is_building),
                '元' if before == '单' && name >= 2 => set(&mut parsed.is_building),
                '区' if "小社园".contains(before) && name >= 2 => set(&mut parsed.is_building),
                '厦' | '寓' | '苑' | '村' | '楼' | '院' | '庄' | '屯' | '寨'
                    if name >= 2 || divisions > 0 && name >= 1 =>
                {
                    !("路街道乡镇东西南北大区".contains(next) || c == '院' && "医学法书画剧物科戏中".contains(before))
                        && set(&mut parsed.is_building)
                }
                '园' | '场' | '庭' | '府' | '城' | '湾'
                    if name >= 2 && (parsed.is_street || parsed.is_number || divisions >= 2) =>
                {
                    !"路街道镇乡区市县大东西南北中丁林艺长站".contains(next) && set(&mut parsed.is_building)
                }
                _ => false,
            };
            at += 1;
            if is_marker {
                (parsed.end, name) = (at, 0);
            } else if is_han(c) || c.is_ascii_alphanumeric() {
                name += 1;
            }
        }
        parsed
    }

    /// An address at `from`.
    fn parse(&mut self, from: usize, text: bool) -> Parsed {
        let divisions = self.divisions(from);
        self.parse_after(divisions, text)
    }

    /// An address after its divisions: where they end, and how many.
    fn parse_after(&mut self, (at, divisions): (usize, usize), text: bool) -> Parsed {
        let mut parsed = self.detail(at, divisions, text);
        if parsed.is_detailed() {
            // The number of a room without the word for it: `A座1201`, `3栋2-501`.
            const LONGEST_ROOM: usize = 8;
            let (mut length, mut digits) = (0, 0);
            let sign = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '#';
            while length <= LONGEST_ROOM
                && let Some(c) = self.at(parsed.end + length).filter(sign)
            {
                length += 1;
                digits += usize::from(c.is_ascii_digit());
            }
            if (1..=LONGEST_ROOM).contains(&length) && (1..=5).contains(&digits) {
                parsed.end += length;
            }
        }
        parsed
    }

    /// Offset of the end of what was read.
    fn offset(&mut self, index: usize) -> usize {
        let last = self.before(index);
        let at = index
            .checked_sub(1)
            .and_then(|last| self.characters.get(last))
            .map_or(self.from, |(at, _)| self.from + *at as usize);
        last.map_or(self.from, |c| at + c.len_utf8())
    }
}

/// Sets a level, and is true.
fn set(level: &mut bool) -> bool {
    *level = true;
    true
}

/// Characters of sentences that stand in no name of a place.
const STOPS: &str = "的了是在和与有被把将从到为不要这那你我他她们就都也很说等及或请您给让收电";

/// The same, a bit for each character of the basic plane.
static STOP_BITS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut bits = vec![0u64; 0x1_0000 / 64];
    for c in STOPS.chars() {
        if let Some(word) = bits.get_mut(c as usize / 64) {
            *word |= 1 << (c as u32 % 64);
        }
    }
    bits
});

/// Whether a character of sentences is part of a name: 和平街, 永和路, 首都机场路.
fn is_of_name(before: char, c: char, next: char) -> bool {
    match c {
        '和' => "平谐顺睦兴美义煦盛信".contains(next) || "永太祥仁泰共同中安康人".contains(before),
        '都' => "成首古新大".contains(before),
        '电' => "力子信视器".contains(next) || "水机".contains(before),
        '将' => next == '军',
        '从' => next == '化',
        _ => false,
    }
}

fn is_part(c: char) -> bool {
    is_han(c)
        || c.is_ascii_alphanumeric()
        || matches!(c, ' ' | '-' | '—' | '－' | '~' | '#' | '(' | ')' | '（' | '）' | '·' | '/' | ',' | '，')
}

fn is_stop(c: char) -> bool {
    STOP_BITS.get(c as usize / 64).is_some_and(|word| word >> (c as u32 % 64) & 1 == 1)
}

/// Words that end like a street's name and are none: 公路, 网路, 知道, 频道.
fn is_no_street(before: char, c: char, next: char) -> bool {
    match c {
        '路' => "公网铁线电思走出套同半迷问一上水陆".contains(before) || "线由过灯径费况段程边".contains(next),
        '道' => "知味报频渠通轨赛难跑管隧航河水车便神打公人街厚霸".contains(before) || "路具理德教歉".contains(next),
        '街' => "逛".contains(before) || "头区".contains(next),
        _ => false,
    }
}

/// A whole value that begins with a Han character.
pub(super) fn whole(value: &str, scan: &Scan, out: &mut Readings) {
    if value.chars().nth(4).is_some()
        && let Some(points) = points_of_whole(value)
        && (points >= 40 || scan.named & ADDRESS_SET != 0)
    {
        out.push(Candidate::new(TypeId::ADDRESS, Form::Full, (0, value.len()), points));
    }
}

const ADDRESS_SET: TypeSet = 1 << TypeId::ADDRESS.0;

/// A whole value under the name of an address, whatever it begins with.
fn named(value: &str, kind: LeafKind) -> Option<i16> {
    let begins_with_han = value.chars().next().is_some_and(is_han);
    if kind != LeafKind::Text || begins_with_han { None } else { points_of_whole(value) }
}

/// Points of a value that is an address from its beginning to its end.
fn points_of_whole(value: &str) -> Option<i16> {
    const REST: usize = 24;
    let mut window = Window::new(value, 0);
    let parsed = window.parse(0, false);
    let rest = value.get(window.offset(parsed.end)..).unwrap_or_default();
    let mut digits = 0;
    let is_part = |c: char| {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        digits < 7 && (is_han(c) || c.is_ascii_alphanumeric() || " -—－~#()（）·/、.&".contains(c))
    };
    let is_all = rest.chars().count() <= REST && rest.chars().all(is_part);
    (is_all && parsed.is_detailed()).then(|| parsed.points())
}

/// The first address among the Han characters from `at` to `end`, which may go on beyond `end`. Without a division it
/// must begin where a sign sets it off.
pub(super) fn in_text(value: &str, (at, end): (usize, usize), is_set_off: bool) -> Option<Candidate> {
    /// Bytes of the shortest street: 人民路.
    const SHORTEST: usize = 9;
    let divisions = &*DIVISIONS;
    let run = value.get(at..end)?;
    let mut passed = at;
    let mut first_of_run = None;
    let mut characters = run.char_indices().peekable();
    while let Some((offset, first)) = characters.next() {
        let start = at + offset;
        let can_begin = characters.peek().is_some_and(|(_, second)| divisions.can_begin(first, *second));
        let is_first = is_set_off && offset == 0 && run.len() >= SHORTEST;
        if start < passed || !(is_first || can_begin) {
            continue;
        }
        let mut window = Window::new(value, start);
        let begin = window.divisions(0);
        if begin.1 == 0 && !is_first {
            continue;
        }
        let parsed = window.parse_after(begin, true);
        let points = parsed.points();
        let is_sure = parsed.divisions > 0 || is_first && parsed.is_street && (parsed.is_number || parsed.is_building);
        if is_sure && parsed.is_detailed() && points >= 35 {
            let span = (start, window.offset(parsed.end));
            let found = Candidate::new(TypeId::ADDRESS, Form::Full, span, points - 10);
            if parsed.divisions > 0 {
                return Some(found);
            }
            // A division may follow: `家住朝阳区…`.
            first_of_run = Some(found);
        }
        if parsed.divisions > 0 {
            passed = window.offset(parsed.end);
        }
    }
    first_of_run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_addresses_and_their_levels() {
        for (address, points) in [
            ("广东省深圳市南山区科技园南路10号腾讯大厦A座1201室", 90),
            ("浙江省杭州市西湖区文三路478号华星时代广场A座1201", 90),
            ("北京市朝阳区建国路93号院3号楼2单元501室", 90),
            ("上海市浦东新区张江路88号", 70),
            ("上海市上海市浦东新区张江路1288弄5号602室", 90),
            ("湖北省凤英市沙湾杜路L座 148477", 70),
            ("河南省信阳市固始县陈集乡李庄村3组", 70),
            ("内蒙古自治区呼和浩特市新城区中山东路7号", 70),
            ("广东 深圳 南山区 科技路1号", 70),
            ("广东省/深圳市/南山区/粤海街道科苑路15号", 70),
            ("建国路93号院3号楼2单元501室", 60),
            ("中国江苏省南京市玄武区珠江路67号", 70),
            ("香港特别行政区中西区皇后大道中2号", 70),
            ("北京市东城区东交民巷", 50),
            ("四川省成都市武侯区天府大道中段530号东方希望天祥广场2栋34楼", 90),
            ("湖北省武汉市江岸区和平街238号", 70),
            ("辽宁省大连市沙河口区迎宾大道1274号3幢3081室", 90),
            ("云南省大理市人民路5号", 70),
        ] {
            assert_eq!(points_of_whole(address), Some(points), "{address}");
        }
    }

    #[test]
    fn coarse_places_and_other_text_are_no_addresses() {
        for other in [
            "广东省",
            "广东省深圳市南山区",
            "深圳市",
            "北京",
            "朝阳区",
            "江苏省苏州市工业园区",
            "5月3号",
            "京沪高速公路",
            "我知道了",
            "订单已发货",
            "今天是星期一",
            "部门管理",
            "管理员",
            "广东省深圳市南山区粤海街道",
            "2号线",
            "短信通道",
        ] {
            assert_eq!(points_of_whole(other), None, "{other}");
        }
        let text = "广东省深圳市南山区科技路1号，张三，13912345678";
        assert_eq!(points_of_whole(text), None, "more than an address");
    }

    fn in_text(text: &str) -> Option<(&str, i16)> {
        let at = text.find(is_han)?;
        let rest = &text[at..];
        let end = at + rest.bytes().position(|b| b < 0x80 || b == 0xEF).unwrap_or(rest.len());
        let found = super::in_text(text, (at, end), at == 0)?;
        Some((&text[found.start..found.end], found.points))
    }

    #[test]
    fn addresses_in_text() {
        for (text, expected) in [
            (
                "请寄到浙江省杭州市西湖区文三路478号华星时代广场A座1201室，谢谢",
                ("浙江省杭州市西湖区文三路478号华星时代广场A座1201室", 80),
            ),
            ("他住在上海市浦东新区张江路88号。", ("上海市浦东新区张江路88号", 60)),
            ("家住朝阳区建国路93号万达广场8号楼1202室的王先生", ("朝阳区建国路93号万达广场8号楼1202室", 65)),
            ("建国路93号院3号楼，电话13912345678", ("建国路93号院3号楼", 50)),
            ("收货信息 深圳市南山区科技路1号 张三", ("深圳市南山区科技路1号", 60)),
        ] {
            let text = text.strip_prefix("收货信息 ").unwrap_or(text);
            assert_eq!(in_text(text), Some(expected), "{text}");
        }
        for text in [
            "广东省深圳市今天有雨",
            "北京市第一中级人民法院（2020）京01民初123号",
            "上海市地铁2号线延误",
            "杭州市5号发布公告",
            "我们在北京市召开会议",
            "全国道路交通安全",
        ] {
            assert_eq!(in_text(text).filter(|(_, points)| *points >= 60), None, "{text}");
        }
    }

    #[test]
    fn masks_show_the_district() {
        assert_eq!((ADDRESS.mask)("广东省深圳市南山区科技路1号"), "广东省深圳市南山区***");
        assert_eq!((ADDRESS.mask)("3号楼2单元"), "***");
    }

    #[test]
    fn hostile_text_ends() {
        for unit in ["北京市", "北京市1", "村1", "广东省深圳市南山区路", "号1", "北京路"] {
            let text = unit.repeat(3000);
            let mut at = 0;
            while at < text.len() && text.is_char_boundary(at) {
                let rest = &text[at..];
                let end = at + rest.bytes().position(|b| b < 0x80).unwrap_or(rest.len());
                at = super::in_text(&text, (at, end), true).map_or(end, |found| found.end).max(at + 1);
            }
        }
    }
}
