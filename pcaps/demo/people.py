"""Invented people, staff accounts and signing: the same at every run, because everything is drawn from one seed."""

import base64
import hashlib
import hmac
import json
import random

SEED = 20261120

# Division codes of GB/T 2260, with the name that goes with each.
REGIONS = [
    ("110105", "北京市朝阳区"), ("120103", "天津市河西区"), ("310115", "上海市浦东新区"), ("320106", "南京市鼓楼区"),
    ("330106", "杭州市西湖区"), ("350203", "厦门市思明区"), ("370102", "济南市历下区"), ("410105", "郑州市金水区"),
    ("420106", "武汉市武昌区"), ("440305", "深圳市南山区"), ("500112", "重庆市渝北区"), ("510107", "成都市武侯区"),
    ("610113", "西安市雁塔区"),
]
STREETS = ["建设路", "人民路", "解放路", "中山路", "和平路", "长江路", "青年路", "文化路"]
SURNAMES = [
    ("王", "wang"), ("李", "li"), ("张", "zhang"), ("刘", "liu"), ("陈", "chen"), ("杨", "yang"), ("赵", "zhao"),
    ("黄", "huang"), ("周", "zhou"), ("吴", "wu"), ("徐", "xu"), ("孙", "sun"), ("胡", "hu"), ("朱", "zhu"), ("高", "gao"),
    ("林", "lin"), ("何", "he"), ("郭", "guo"), ("马", "ma"), ("罗", "luo"),
]
GIVEN = [
    ("建国", "jianguo"), ("秀英", "xiuying"), ("伟", "wei"), ("芳", "fang"), ("敏", "min"), ("静", "jing"), ("磊", "lei"),
    ("洋", "yang"), ("艳", "yan"), ("勇", "yong"), ("雪梅", "xuemei"), ("志强", "zhiqiang"), ("晓明", "xiaoming"),
    ("丽华", "lihua"), ("海燕", "haiyan"), ("文博", "wenbo"), ("思远", "siyuan"), ("雨桐", "yutong"), ("子涵", "zihan"),
    ("俊杰", "junjie"), ("婷婷", "tingting"), ("国庆", "guoqing"), ("春花", "chunhua"), ("欣怡", "xinyi"),
]
MOBILE_PREFIXES = ["134", "136", "138", "139", "150", "151", "158", "159", "177", "185", "186", "188", "189"]
# First digits of debit cards and the length that goes with them.
CARD_PREFIXES = [("622202", 19), ("621700", 19), ("622848", 19), ("622588", 16), ("622260", 17)]


def digits(rng, count):
    return "".join(rng.choice("0123456789") for _ in range(count))


def resident_id(rng, region):
    """18 characters with the check character of GB 11643-1999."""
    body = f"{region}{rng.randint(1955, 2003)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}{rng.randint(1, 998):03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights)) % 11]


def bank_card(rng):
    """A number whose last digit is the Luhn digit of ISO/IEC 7812-1."""
    prefix, length = rng.choice(CARD_PREFIXES)
    body = prefix + digits(rng, length - len(prefix) - 1)
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def customers(count=500):
    rng = random.Random(SEED)
    people = []
    for number in range(1001, 1001 + count):
        surname, surname_latin = rng.choice(SURNAMES)
        given, given_latin = rng.choice(GIVEN)
        region, place = rng.choice(REGIONS)
        people.append({
            "id": number,
            "name": surname + given,
            "idCard": resident_id(rng, region),
            "mobile": rng.choice(MOBILE_PREFIXES) + digits(rng, 8),
            "bankCard": bank_card(rng),
            "email": f"{given_latin}.{surname_latin}{rng.randint(1, 99)}@mail.example",
            "address": f"{place}{rng.choice(STREETS)}{rng.randint(1, 300)}号",
            "level": rng.choice(["普通", "银卡", "金卡"]),
            "balance": f"{rng.randint(100, 99999)}.{rng.randint(0, 99):02}",
        })
    return people


def masked(person):
    """The forms a screen should show: enough to recognise, too little to use."""
    return {
        "id": person["id"],
        "name": person["name"][0] + "*" * (len(person["name"]) - 1),
        "idCard": person["idCard"][:3] + "*" * 11 + person["idCard"][-4:],
        "mobile": person["mobile"][:3] + "****" + person["mobile"][-4:],
        "bankCard": person["bankCard"][:6] + "*" * (len(person["bankCard"]) - 10) + person["bankCard"][-4:],
        "email": person["email"][0] + "***@" + person["email"].split("@")[1],
    }


# account: (password, name, role). Some are weak, some are not.
STAFF = {
    "zhangwei": ("zhangwei123", "张伟", "sales"),
    "liuyang": ("123456", "刘洋", "sales"),
    "wangfang": ("Qm7#vT2!xLp9&Rw", "王芳", "service"),
    "chenjie": ("tz4K-eW8u_Hy6.Jn", "陈杰", "finance"),
    "sunli": ("9vR$kd2Lq!mZ", "孙丽", "service"),
    "zhaomin": ("zhaomin@2026", "赵敏", "sales"),
    "report": ("Hs5=wY8_cB3xNq", "报表任务", "task"),
    "guoqiang": ("V3!jx8Tn-Ws6", "郭强", "audit"),
    "svc-sync": ("bX7mP2nW9sKd4uQe", "同步任务", "task"),
    "lihaiyan": ("Fz6+Gd9yUt2#", "李海燕", "customer"),
}

SIGNING_KEY = hashlib.sha256(b"pcaps/demo signing key").digest()
WORKING_DAY = 1795132800  # 2026-11-20 08:00 in Shanghai


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(account, ordinal):
    """A JSON web token as in RFC 7519, signed with HMAC-SHA256; `ordinal` makes each of them different."""
    head = b64(json.dumps({"alg": "HS256", "typ": "JWT"}, separators=(",", ":")).encode())
    claims = b64(json.dumps({
        "sub": account, "role": STAFF[account][2], "jti": f"{ordinal:08x}",
        "iat": WORKING_DAY, "exp": WORKING_DAY + 12 * 3600,
    }, separators=(",", ":")).encode())
    mark = hmac.new(SIGNING_KEY, f"{head}.{claims}".encode(), hashlib.sha256).digest()
    return f"{head}.{claims}.{b64(mark)}"


def session_id(account, ordinal):
    return hashlib.sha256(f"session {account} {ordinal}".encode()).hexdigest()[:32]
