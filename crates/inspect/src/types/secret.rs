//! Secrets of machines: what [`secrets`](crate::secrets) recognises, as a type.

use spyhop_model::{Category, DataType, Grade, Personal, Text};

use super::Type;

/// A key, token, connection string or private key. Which kind it is says the observation's detail.
pub(super) static SECRET: Type = Type {
    strong_points: (0, 0),
    record_points: 0,
    canonical: super::as_written,
    ..Type::new(DataType {
        never_return: true,
        ..DataType::new(
            "secret",
            Text { en: "key, token or connection string", zh: "密钥、令牌或连接串" },
            Category::Authentication,
            Grade::L4,
            Personal::No,
        )
    })
};
