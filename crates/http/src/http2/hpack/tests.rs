//! Header blocks in, fields out.

use proptest::prelude::*;

use super::*;

fn told(list: &List) -> String {
    let mut text: Vec<String> =
        list.iter().map(|field| format!("{}={}", field.name.escape_ascii(), field.value.escape_ascii())).collect();
    for (count, name) in [(list.unknown as usize, "unknown"), (list.dropped as usize, "dropped")] {
        text.extend((count > 0).then(|| format!("{name}:{count}")));
    }
    text.extend(list.bad.then(|| "bad".into()));
    text.join(" ")
}

fn read(decoder: &mut Decoder, block: &[u8]) -> String {
    let mut list = List::default();
    list.clear(16 << 10, 100);
    decoder.decode(block, true, &mut list);
    told(&list)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn the_requests_of_the_standard() {
    // RFC 7541, appendices C.3 and C.4: without and with the Huffman code.
    for blocks in [
        [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ],
        [
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ],
    ] {
        let mut decoder = Decoder::new(4096, true);
        let [a, b, c] = blocks.map(|block| read(&mut decoder, &hex(block)));
        assert_eq!(a, ":method=GET :scheme=http :path=/ :authority=www.example.com");
        assert_eq!(b, ":method=GET :scheme=http :path=/ :authority=www.example.com cache-control=no-cache");
        assert_eq!(c, ":method=GET :scheme=https :path=/index.html :authority=www.example.com custom-key=custom-value");
    }
}

#[test]
fn the_responses_of_the_standard_evict() {
    // RFC 7541, appendix C.6, with a table of 256 bytes.
    let mut decoder = Decoder::new(4096, true);
    assert_eq!(read(&mut decoder, &hex("3fe101")), "");
    let first = "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
                 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
    assert_eq!(
        read(&mut decoder, &hex(first)),
        ":status=302 cache-control=private date=Mon, 21 Oct 2013 20:13:21 GMT location=https://www.example.com"
    );
    assert_eq!(
        read(&mut decoder, &hex("4883 640e ffc1 c0bf")),
        ":status=307 cache-control=private date=Mon, 21 Oct 2013 20:13:21 GMT location=https://www.example.com"
    );
    let third = "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
                 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07";
    assert_eq!(
        read(&mut decoder, &hex(third)),
        ":status=200 cache-control=private date=Mon, 21 Oct 2013 20:13:22 GMT location=https://www.example.com \
         content-encoding=gzip set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
    );
}

#[test]
fn a_connection_joined_midway_relearns_its_table() {
    let mut decoder = Decoder::new(4096, false);
    let mut block = Vec::new();
    encode::indexed(&mut block, 2);
    encode::indexed(&mut block, 70);
    encode::named(&mut block, 1, "a.example", true);
    encode::literal(&mut block, "x-new", "v", true, true);
    encode::named(&mut block, 75, "name not known", false);
    assert_eq!(read(&mut decoder, &block), ":method=GET :authority=a.example x-new=v unknown:2");
    let mut block = Vec::new();
    encode::indexed(&mut block, 63);
    encode::indexed(&mut block, 62);
    encode::indexed(&mut block, 64);
    assert_eq!(read(&mut decoder, &block), ":authority=a.example x-new=v unknown:1");
    // An entry is inserted whose name is not known: what stood before it has moved behind it.
    let mut block = Vec::new();
    encode::named(&mut block, 90, "v", true);
    encode::literal(&mut block, "y", "1", true, false);
    for index in 62..=65 {
        encode::indexed(&mut block, index);
    }
    assert_eq!(read(&mut decoder, &block), "y=1 y=1 x-new=v :authority=a.example unknown:2");
}

#[test]
fn what_no_encoder_writes_is_told() {
    let complete = || Decoder::new(4096, true);
    assert_eq!(read(&mut complete(), b"\x80"), "unknown:1 bad");
    assert_eq!(read(&mut complete(), b"\xbe\x82"), ":method=GET unknown:1 bad");
    assert_eq!(read(&mut complete(), b"\x82\x40\x03abc"), ":method=GET bad");
    assert_eq!(read(&mut complete(), b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), ":method=GET bad");
    assert_eq!(read(&mut complete(), b"\x82\x7f\x80\x80\x80\x80\x80\x80\x00"), ":method=GET bad");
    assert_eq!(read(&mut complete(), b"\x00\x01a\x82\xff\xff\x82"), "a= :method=GET bad");
}

#[test]
fn a_block_in_pieces_is_read_field_by_field() {
    let block = hex("8287 85 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf be");
    for cut in 0..block.len() {
        let mut decoder = Decoder::new(4096, true);
        let mut list = List::default();
        list.clear(1000, 10);
        let used = decoder.decode(&block[..cut], false, &mut list);
        assert!(used <= cut);
        assert_eq!(decoder.decode(&block[used..], true, &mut list), block.len() - used);
        assert_eq!(
            told(&list),
            ":method=GET :scheme=https :path=/index.html custom-key=custom-value custom-key=custom-value",
            "cut at {cut}"
        );
    }
}

#[test]
fn a_bomb_is_cut_and_the_table_stays_right() {
    let mut block = Vec::new();
    encode::literal(&mut block, "x", &"a".repeat(4000), true, false);
    for _ in 0..10_000 {
        encode::indexed(&mut block, 62);
    }
    encode::literal(&mut block, "y", "1", true, false);
    let mut decoder = Decoder::new(4096, true);
    let mut list = List::default();
    list.clear(16 << 10, 100);
    decoder.decode(&block, true, &mut list);
    assert!(list.len() <= 16 << 10);
    assert_eq!((list.iter().count(), list.dropped), (4, 9998));
    assert_eq!(read(&mut decoder, &[0xbe]), "y=1");
}

#[test]
fn crumbs_of_a_cookie_are_joined() {
    let mut list = List::default();
    list.clear(1000, 10);
    let mut block = Vec::new();
    for (name, value) in [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")] {
        encode::literal(&mut block, name, value, false, true);
    }
    Decoder::new(4096, true).decode(&block, true, &mut list);
    list.join(b"cookie", b"; ");
    assert_eq!(told(&list), "cookie=a=1; b=2; c=3 x=y");
}

proptest! {
    #[test]
    fn any_bytes_are_survived(blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..8), complete: bool) {
        let mut decoder = Decoder::new(4096, complete);
        for block in blocks {
            let mut list = List::default();
            list.clear(200, 10);
            prop_assert_eq!(decoder.decode(&block, true, &mut list), block.len());
            prop_assert!(list.len() <= 200 && list.iter().count() <= 10);
            prop_assert!(decoder.memory() < 64 << 10);
        }
    }
}
