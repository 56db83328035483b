//! Biometrics: images, recordings and templates of body parts, and photos of identity documents, inside text.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use spyhop_model::{Category, DataType, Form, Grade, Personal, Text};

use super::{Candidate, Scan, Type, TypeId};
use crate::walk::LeafKind;

/// Face, finger, voice, iris.
pub(super) static BIOMETRIC: Type = Type {
    strong: &[
        "faceimg",
        "faceimage",
        "facephoto",
        "facepic",
        "facepicture",
        // Digits are no part of the words of a name.
        "facebase",
        "facedata",
        "facefeature",
        "facefeatures",
        "facevector",
        "faceembedding",
        "facetemplate",
        "facetoken",
        "livephoto",
        "liveimage",
        "livingimg",
        "livingphoto",
        "liveness",
        "livenessimage",
        "idphoto",
        "fingerprint",
        "fingerprints",
        "fingerdata",
        "fingertemplate",
        "voiceprint",
        "voicefeature",
        "iris",
        "irisimage",
        "palmprint",
        "biometric",
        "biometrics",
        "embedding",
        "rlzp",
        "rltz",
        "renlian",
        "zhiwen",
        "shengwen",
        "人脸",
        "人脸照片",
        "人脸特征",
        "人脸图像",
        "活体",
        "活体照片",
        "指纹",
        "声纹",
        "虹膜",
        "掌纹",
        "特征值",
        "人臉",
        "指紋",
        "聲紋",
    ],
    whole: &["face", "feature", "zp", "selfie"],
    strong_points: (45, 25),
    named: Some(component),
    mask: |_| "***".into(),
    ..photo("biometric", Text { en: "biometric data", zh: "生物识别信息" }, Category::Biometric)
};

/// Photo of an identity document.
pub(super) static ID_PHOTO: Type = Type {
    strong: &[
        "idcardfront",
        "idcardback",
        "idcardimg",
        "idcardimage",
        "idcardphoto",
        "idcardpic",
        "idcardfrontimg",
        "idcardbackimg",
        "idcardfrontimage",
        "idcardbackimage",
        "idcardportrait",
        "idfront",
        "idback",
        "idfrontimg",
        "idbackimg",
        "frontimage",
        "backimage",
        "frontimg",
        "backimg",
        "certimage",
        "certphoto",
        "certimg",
        "sfzzm",
        "sfzfm",
        "sfzzp",
        "身份证正面",
        "身份证反面",
        "身份证背面",
        "身份证照片",
        "人像面",
        "国徽面",
        "证件照",
        "证件照片",
        "身份證正面",
        "國徽面",
    ],
    strong_points: (45, 25),
    // Only long values: see [`long`].
    named: Some(|_, _| None),
    mask: |_| "***".into(),
    ..photo("id_photo", Text { en: "photo of an identity document", zh: "身份证照片" }, Category::Identity)
};

const fn photo(id: &'static str, name: Text, category: Category) -> Type {
    Type::new(DataType { never_return: true, ..DataType::new(id, name, category, Grade::L4, Personal::Sensitive) })
}

/// Shortest image or template, in characters of base64.
pub(super) const SHORTEST: usize = 2000;
/// Components of a feature vector.
const COMPONENTS: [usize; 4] = [128, 256, 512, 1024];

/// Beginnings of images, recordings and templates in base64.
const MAGIC: &[&str] =
    &["/9j/", "iVBORw0KGgo", "R0lGOD", "Qk", "UklGR", "SUkq", "TU0A", "JVBERi0", "IyFBTVI", "Rk1S", "RkFD"];

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A long value, or its first piece, under the name of biometrics or of a photo.
pub(super) fn long(value: &str, scan: &Scan) -> Option<Candidate> {
    let set = TypeId::BIOMETRIC.set() | TypeId::ID_PHOTO.set();
    if scan.named & set == 0 || scan.kind != LeafKind::Text || value.len() < COMPONENTS[0] * 4 {
        return None;
    }
    let is_biometric = scan.named & TypeId::BIOMETRIC.set() != 0;
    let what = if is_biometric { TypeId::BIOMETRIC } else { TypeId::ID_PHOTO };
    let points = if value.len() >= SHORTEST && is_image(value) {
        30
    } else if is_biometric && scan.whole && (is_vector(value) || is_packed_vector(value)) {
        25
    } else {
        return None;
    };
    Some(Candidate::new(what, Form::Full, (0, value.len()), points))
}

/// Whether base64 of an image, recording or template begins here; only its first 64 bytes are decoded.
fn is_image(value: &str) -> bool {
    const HEAD: usize = 88;
    let value = match value.strip_prefix("data:") {
        Some(uri) => uri.split_once(";base64,").map_or(uri, |(_, data)| data),
        None => value,
    };
    if !MAGIC.iter().any(|magic| value.starts_with(magic)) {
        return false;
    }
    let Some(Ok(head)) = value.get(..HEAD).map(|text| LENIENT.decode(text)) else { return false };
    let big = |at: usize| head.get(at..at + 4).map(|b| b.iter().fold(0u64, |n, b| n << 8 | u64::from(*b)));
    let little = |at: usize, bytes: usize| {
        head.get(at..at + bytes).map(|b| b.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b)))
    };
    let is_sized = |size: (Option<u64>, Option<u64>)| match size {
        (Some(width), Some(height)) => (60..=20_000).contains(&width) && (60..=20_000).contains(&height),
        _ => false,
    };
    match head.get(..4).unwrap_or_default() {
        [0x89, b'P', b'N', b'G'] => is_sized((big(16), big(20))),
        [b'G', b'I', b'F', b'8'] => is_sized((little(6, 2), little(8, 2))),
        // The height of a bitmap may be negative: from the top down.
        [b'B', b'M', ..] => is_sized((little(18, 4), little(22, 4).map(|h| (h as u32 as i32).unsigned_abs().into()))),
        b"RIFF" => matches!(head.get(8..12), Some(b"WEBP" | b"WAVE")),
        [0xFF, 0xD8, 0xFF, _] => true,
        _ => true,
    }
}

/// Numbers with commas between, as many as vectors have.
fn is_vector(value: &str) -> bool {
    let inside = value.trim_start_matches('[').trim_end_matches(']');
    let is_component = |part: &str| {
        let part = part.trim();
        (1..=26).contains(&part.len()) && part.contains('.') && part.parse::<f64>().is_ok()
    };
    inside.len() >= COMPONENTS[0] * 3
        && COMPONENTS.contains(&inside.split(',').count())
        && inside.split(',').all(is_component)
}

/// Base64 of as many 32-bit numbers as vectors have.
fn is_packed_vector(value: &str) -> bool {
    let text = value.trim_end_matches('=');
    let sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
    let bytes = text.len() * 3 / 4;
    COMPONENTS.iter().any(|count| count * 4 == bytes) && text.bytes().all(sign)
}

/// One component of a feature vector. One alone says nothing, and is no more than a candidate; a column of them does.
fn component(value: &str, kind: LeafKind) -> Option<i16> {
    const DIGITS: usize = 6;
    let fraction = value.split_once('.')?.1;
    let is_one = kind == LeafKind::Number
        && fraction.bytes().take_while(u8::is_ascii_digit).count() >= DIGITS
        && value.parse::<f64>().is_ok_and(|number| number.abs() < 32.0);
    is_one.then_some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(what: TypeId) -> Scan {
        Scan { kind: LeafKind::Text, whole: true, today: 20_261_123, named: what.set() }
    }

    fn image(head: &[u8]) -> String {
        let mut bytes = head.to_vec();
        bytes.resize(1800, 7);
        LENIENT.encode(bytes)
    }

    #[test]
    fn images_under_a_name() {
        let png = image(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\xe0\x00\x00\x02\x80");
        let small = image(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10\x00\x00\x00\x10");
        let jpeg = image(b"\xFF\xD8\xFF\xE0\x00\x10JFIF");
        let uri = format!("data:image/jpeg;base64,{jpeg}");
        for value in [&png, &jpeg, &uri] {
            assert_eq!(
                long(value, &scan(TypeId::BIOMETRIC)).map(|one| (one.what, one.points)),
                Some((TypeId::BIOMETRIC, 30))
            );
            assert_eq!(long(value, &scan(TypeId::ID_PHOTO)).map(|one| one.what), Some(TypeId::ID_PHOTO));
            assert!(long(value, &scan(TypeId::MOBILE)).is_none());
        }
        for value in [&small, &image(b"hello"), &jpeg[..1000].to_owned()] {
            assert!(long(value, &scan(TypeId::BIOMETRIC)).is_none());
        }
    }

    #[test]
    fn feature_vectors() {
        let vector = |count: usize| (0..count).map(|n| format!("0.{:06}", n * 37)).collect::<Vec<_>>().join(",");
        assert!(is_vector(&vector(128)) && is_vector(&format!("[{}]", vector(512))));
        assert!(!is_vector(&vector(100)) && !is_vector(&"1,".repeat(128)));
        let packed = LENIENT.encode(vec![3u8; 2048]);
        assert_eq!(long(&packed, &scan(TypeId::BIOMETRIC)).map(|one| one.points), Some(25));
        assert!(long(&packed, &scan(TypeId::ID_PHOTO)).is_none());
        assert_eq!(component("-0.0312847", LeafKind::Number), Some(0));
        for none in ["1", "0.5", "123.456789", "0.0312847"] {
            let kind = if none == "0.0312847" { LeafKind::Text } else { LeafKind::Number };
            assert_eq!(component(none, kind), None, "{none}");
        }
    }
}
