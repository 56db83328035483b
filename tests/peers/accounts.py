"""Who called: Django (its own login form and its admin), djangorestframework (Basic), simplejwt, django-oauth-toolkit (password and code),
an application that answers 200 to everything, and one that sends codes by SMS; called by curl, Python, Node, Go or Java and a headless
browser where they are installed. Each call bears a number `n`, under which the server logs the user it saw."""

import asyncio
import base64
import json
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse

import django
import hypercorn.asyncio
import hypercorn.config
from django.conf import settings

import wire

STATE = pathlib.Path(tempfile.mkdtemp())
PASSWORD = "Kx7#" + "vmQz9pLr2w"
LOG = []
CODES = {}
TOKENS = {}

LOGIN_PAGE = """<!doctype html><html><head><title>Sign in</title></head><body><form method="post">{% csrf_token %}
<input name="username"><input type="password" name="password"><button>Sign in</button></form>{{ form.errors }}</body></html>"""

settings.configure(
    DEBUG=False,
    SECRET_KEY=secrets.token_urlsafe(48),
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(STATE / "db.sqlite3"),
                           "OPTIONS": {"timeout": 30}}},
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                    "django.contrib.messages", "rest_framework", "oauth2_provider"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
                f"{__name__}.logged"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                                                   "django.contrib.messages.context_processors.messages"],
                            "loaders": [("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN_PAGE}),
                                        "django.template.loaders.app_directories.Loader"]}}],
    LOGIN_REDIRECT_URL="/app/home",
    LOGOUT_REDIRECT_URL="/accounts/login/",
    OAUTH2_PROVIDER={"PKCE_REQUIRED": False},
    USE_TZ=True,
)


def logged(get_response):
    """Middleware: who the application says is calling, once it has answered."""
    def middleware(request):
        answer = get_response(request)
        number = request.GET.get("n")
        if number:
            user = getattr(request, "caller", None) or getattr(request.user, "username", "") or None
            LOG.append({"n": int(number), "user": user if answer.status_code < 400 else None})
        return answer
    return middleware


django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth import authenticate, get_user_model  # noqa: E402
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.views import LoginView, LogoutView  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from rest_framework.authentication import BasicAuthentication  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework_simplejwt.authentication import JWTAuthentication  # noqa: E402
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView  # noqa: E402
from oauth2_provider.contrib.rest_framework import OAuth2Authentication  # noqa: E402


@login_required
def home(request, what):
    return JsonResponse({"what": what, "rows": list(range(5))})


def rest(authentication):
    class View(APIView):
        authentication_classes = [authentication]
        permission_classes = [IsAuthenticated]

        def get(self, request, what):
            request._request.caller = request.user.username
            return Response({"what": what, "rows": [1, 2, 3]})

    return View.as_view()


@csrf_exempt
def always_200(request, what):
    """As many systems here do: 200 whatever happens, names in pinyin, a token in the body."""
    if what == "login":
        sent = json.loads(request.body)
        user = authenticate(username=sent["yhm"], password=sent["mm"])
        if user is None:
            return JsonResponse({"code": 40101, "msg": "用户名或密码错误", "data": None})
        token = secrets.token_hex(16)
        TOKENS[token] = user.username
        return JsonResponse({"code": 0, "msg": "登录成功", "data": {"token": token, "expire": 7200}})
    caller = TOKENS.get(request.headers.get("X-Access-Token", ""))
    if caller is None:
        return JsonResponse({"code": 40100, "msg": "未登录"})
    if what == "logout":
        del TOKENS[request.headers["X-Access-Token"]]
    request.caller = caller
    return JsonResponse({"code": 0, "msg": "ok", "data": {"what": what}})


@csrf_exempt
def by_code(request, what):
    sent = json.loads(request.body) if request.body else {}
    if what == "send":
        CODES[sent["mobile"]] = f"{secrets.randbelow(900_000) + 100_000}"
        return JsonResponse({"success": True, "message": "验证码已发送"})
    if what == "login":
        if CODES.pop(sent["mobile"], None) != sent["smsCode"]:
            return JsonResponse({"success": False, "message": "验证码错误"})
        token = secrets.token_urlsafe(24)
        TOKENS[token] = sent["mobile"]
        return JsonResponse({"success": True, "result": {"accessToken": token}})
    request.caller = TOKENS.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
    return JsonResponse({"success": request.caller is not None, "what": what})


def browser_page(request):
    user, first = request.GET["user"], int(request.GET["first"])
    return HttpResponse("""<!doctype html><html><body><script>
(async () => {
  const page = await (await fetch('/accounts/login/')).text();
  const csrf = page.match(/csrfmiddlewaretoken" value="([^"]+)/)[1];
  const form = new URLSearchParams({username: '%s', password: '%s', csrfmiddlewaretoken: csrf});
  await fetch('/accounts/login/', {method: 'POST', body: form});
  for (let n = %d; n < %d + 12; n++) await fetch('/app/tasks?n=' + n);
  document.title = 'done';
})();</script></body></html>""" % (user, PASSWORD, first, first))


urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/login/", LoginView.as_view()),
    path("accounts/logout/", LogoutView.as_view()),
    path("app/<str:what>", home),
    path("api/token/", TokenObtainPairView.as_view()),
    path("api/token/refresh/", TokenRefreshView.as_view()),
    path("api/jwt/<str:what>", rest(JWTAuthentication)),
    path("api/basic/<str:what>", rest(BasicAuthentication)),
    path("api/oauth/<str:what>", rest(OAuth2Authentication)),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("ywt/<str:what>", always_200),
    path("sms/<str:what>", by_code),
    path("browser.html", browser_page),
]


class Numbers:
    """Numbers of calls, never twice."""

    def __init__(self):
        self.last = 1_000_000

    def take(self, count=1):
        self.last += count
        return self.last - count + 1


class Curl:
    """A client with a cookie jar of its own: each call is a process and a connection of its own."""

    def __init__(self, port, name):
        self.base, self.jar = f"http://app.corp.example:{port}", STATE / f"{name}.jar"
        self.resolve = f"app.corp.example:{port}:127.0.0.1"

    def __call__(self, target, body=None, headers=(), kind="application/x-www-form-urlencoded", user=None):
        command = ["curl", "--disable", "--silent", "--noproxy", "*", "--max-time", "30", "--resolve", self.resolve, "-c", self.jar, "-b", self.jar]
        if body is not None:
            command += ["--data-raw", body, "-H", f"Content-Type: {kind}"]
        for header in headers:
            command += ["-H", header]
        if user:
            command += ["-u", user]
        ran = subprocess.run([*command, "-i", self.base + target], stdout=subprocess.PIPE, timeout=60, text=True, check=True)
        head, _, text = ran.stdout.partition("\n\n") if "\n\n" in ran.stdout else ran.stdout.partition("\r\n\r\n")
        return head, text


class Python:
    """requests: one connection, kept alive."""

    def __init__(self, port, name):
        import requests
        self.session, self.base = requests.Session(), f"http://127.0.0.1:{port}"
        self.session.trust_env = False
        self.session.headers["Host"] = f"app.corp.example:{port}"

    def __call__(self, target, body=None, headers=(), kind="application/x-www-form-urlencoded", user=None):
        more = dict(header.split(": ", 1) for header in headers)
        auth = tuple(user.split(":", 1)) if user else None
        if body is None:
            answer = self.session.get(self.base + target, headers=more, auth=auth, allow_redirects=False)
        else:
            answer = self.session.post(self.base + target, data=body.encode(), headers={**more, "Content-Type": kind}, auth=auth,
                                       allow_redirects=False)
        return "\n".join(f"{name}: {value}" for name, value in answer.headers.items()), answer.text


JSON = "application/json"


def form_login(client, user, password, page="/accounts/login/"):
    _, text = client(page)
    csrf = text.split('csrfmiddlewaretoken" value="')[1].split('"')[0]
    body = urllib.parse.urlencode({"username": user, "password": password, "csrfmiddlewaretoken": csrf, "next": ""})
    client(page, body)


def by_session(client, user, numbers):
    form_login(client, user, "wrong-" + PASSWORD)
    client(f"/app/before?n={numbers.take()}")
    form_login(client, user, PASSWORD)
    for what in ("tasks", "orders", "files", "notices", "calendar"):
        client(f"/app/{what}?n={numbers.take()}")
    _, text = client(f"/admin/?n={numbers.take()}")


def by_jwt(client, user, numbers):
    client("/api/token/", json.dumps({"username": user, "password": "wrong"}), kind=JSON)
    tokens = json.loads(client("/api/token/", json.dumps({"username": user, "password": PASSWORD}), kind=JSON)[1])
    for what in ("me", "orders", "files"):
        client(f"/api/jwt/{what}?n={numbers.take()}", headers=[f"Authorization: Bearer {tokens['access']}"])
    again = json.loads(client("/api/token/refresh/", json.dumps({"refresh": tokens["refresh"]}), kind=JSON)[1])
    for what in ("orders", "files"):
        client(f"/api/jwt/{what}?n={numbers.take()}", headers=[f"Authorization: Bearer {again['access']}"])


def by_basic(client, user, numbers):
    for what in ("orders", "files", "people"):
        client(f"/api/basic/{what}?n={numbers.take()}", user=f"{user}:{PASSWORD}")


def by_oauth(client, user, numbers, application):
    body = {"grant_type": "password", "username": user, "password": PASSWORD, "client_id": application[0], "client_secret": application[1]}
    tokens = json.loads(client("/o/token/", urllib.parse.urlencode(body))[1])
    for what in ("orders", "files", "people"):
        client(f"/api/oauth/{what}?n={numbers.take()}", headers=[f"Authorization: Bearer {tokens['access_token']}"])


def by_oauth_code(client, user, numbers, application):
    form_login(client, user, PASSWORD)
    ask = {"response_type": "code", "client_id": application[0], "redirect_uri": "http://portal.corp.example/callback", "scope": "read",
           "state": secrets.token_hex(8)}
    head, _ = client("/o/authorize/?" + urllib.parse.urlencode(ask))
    code = head.split("code=")[1].split("&")[0].split("\n")[0].strip()
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": ask["redirect_uri"], "client_id": application[0],
            "client_secret": application[1]}
    tokens = json.loads(client("/o/token/", urllib.parse.urlencode(body))[1])
    for what in ("orders", "files", "people"):
        client(f"/api/oauth/{what}?n={numbers.take()}", headers=[f"Authorization: Bearer {tokens['access_token']}"])


def by_always_200(client, user, numbers):
    client("/ywt/login", json.dumps({"yhm": user, "mm": "cuo-wu-88"}), kind=JSON)
    answer = json.loads(client("/ywt/login", json.dumps({"yhm": user, "mm": PASSWORD}), kind=JSON)[1])
    token = f"X-Access-Token: {answer['data']['token']}"
    for what in ("list", "detail", "export"):
        client(f"/ywt/{what}?n={numbers.take()}", headers=[token])
    client("/ywt/logout", "{}", headers=[token], kind=JSON)
    client(f"/ywt/list?n={numbers.take()}", headers=[token])


def by_sms(client, mobile, numbers):
    client("/sms/send", json.dumps({"mobile": mobile}), kind=JSON)
    code = CODES[mobile]
    answer = json.loads(client("/sms/login", json.dumps({"mobile": mobile, "smsCode": code}), kind=JSON)[1])
    for what in ("orders", "files"):
        client(f"/sms/{what}?n={numbers.take()}", headers=[f"Authorization: Bearer {answer['result']['accessToken']}"])


NODE = """
const [base, user, password, first] = process.argv.slice(1);
(async () => {
  const headers = {'content-type': 'application/json'};
  const login = await (await fetch(base + '/api/token/', {method: 'POST', headers, body: JSON.stringify({username: user, password})})).json();
  for (let n = +first; n < +first + 8; n++)
    await (await fetch(base + '/api/jwt/orders?n=' + n, {headers: {authorization: 'Bearer ' + login.access}})).text();
})();
"""
GO = """package main

import ("bytes"; "encoding/json"; "fmt"; "io"; "net/http"; "os"; "strconv")

func main() {
	base, user, password := os.Args[1], os.Args[2], os.Args[3]
	first, _ := strconv.Atoi(os.Args[4])
	body, _ := json.Marshal(map[string]string{"yhm": user, "mm": password})
	answer, err := http.Post(base+"/ywt/login", "application/json", bytes.NewReader(body))
	if err != nil { panic(err) }
	var said struct { Data struct { Token string } }
	json.NewDecoder(answer.Body).Decode(&said)
	for n := first; n < first+8; n++ {
		request, _ := http.NewRequest("GET", fmt.Sprintf("%s/ywt/list?n=%d", base, n), nil)
		request.Header.Set("X-Access-Token", said.Data.Token)
		if answer, err = http.DefaultClient.Do(request); err != nil { panic(err) }
		io.Copy(io.Discard, answer.Body)
	}
}
"""


def other_clients(port, users, numbers):
    """Node, Go and a headless browser, where they are."""
    base = f"http://127.0.0.1:{port}"
    if shutil.which("node"):
        subprocess.run(["node", "-e", NODE, base, users("node"), PASSWORD, str(numbers.take(8))], check=True, timeout=60)
    else:
        print("no node: not a client in this run", file=sys.stderr)
    if shutil.which("go"):
        (STATE / "client.go").write_text(GO)
        environment = {"HOME": str(STATE), "PATH": "/usr/bin:/bin:/usr/local/go/bin", "GO111MODULE": "off", "GOFLAGS": "-p=1"}
        command = ["go", "run", str(STATE / "client.go"), base, users("go"), PASSWORD, str(numbers.take(8))]
        subprocess.run(command, check=True, timeout=300, env=environment)
    else:
        print("no go: not a client in this run", file=sys.stderr)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium:
        page = f"{base}/browser.html?user={users('chromium')}&first={numbers.take(12)}"
        subprocess.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={STATE}/chromium",
                        "--virtual-time-budget=20000", "--dump-dom", page], check=True, timeout=120, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    else:
        print("no chromium: not a client in this run", file=sys.stderr)


def serve(listener, stop):
    config = hypercorn.config.Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = None
    config.errorlog = None
    asyncio.run(hypercorn.asyncio.serve(get_asgi_application(), config, shutdown_trigger=stop))


def scenario(said):
    call_command("migrate", verbosity=0)
    from oauth2_provider.models import Application
    User = get_user_model()
    made = []

    def users(name):
        user = f"{name}{len(made)}"
        made.append(user)
        User.objects.create_superuser(user, password=PASSWORD)
        return user

    def application(grant):
        secret = secrets.token_urlsafe(32)
        app = Application.objects.create(name=grant, client_type="confidential", authorization_grant_type=grant, client_secret=secret,
                                         redirect_uris="http://portal.corp.example/callback", skip_authorization=True)
        return app.client_id, secret

    by_password, by_grant = application("password"), application("authorization-code")
    plans = []
    for kind, name in ((Curl, "curl"), (Python, "python")):
        for how, more in ((by_session, ()), (by_jwt, ()), (by_basic, ()), (by_oauth, (by_password,)), (by_oauth_code, (by_grant,)),
                          (by_always_200, ())):
            plans.append((kind, how, users(f"{name}.{how.__name__[3:].replace('_', '')}"), more))
        plans.append((kind, by_sms, wire.MOBILE if kind is Curl else wire.OTHER_MOBILE, ()))
    listener, numbers, done = wire.listen(), Numbers(), threading.Event()
    port = wire.port_of(listener)

    async def stop():
        while not done.is_set():
            await asyncio.sleep(0.05)

    server = threading.Thread(target=serve, args=(listener, stop), daemon=True)
    server.start()
    with wire.watch([port]):
        for at, (kind, how, user, more) in enumerate(plans):
            how(kind(port, f"{at}"), user, numbers, *more)
        # Somebody else at the same browser: the cookie jar of the first is used on.
        second = Python(port, "shared")
        for user in (users("first"), users("second")):
            form_login(second, user, PASSWORD)
            for _ in range(3):
                second(f"/app/tasks?n={numbers.take()}")
            _, text = second(f"/app/tasks?n={numbers.take()}")
        other_clients(port, users, numbers)
        done.set()
        server.join(wire.LONG)
    said.calls = LOG


def main():
    said = wire.Said()
    said.calls = []
    scenario(said)
    (wire.FOLDER / "said.json").write_text(json.dumps({"calls": said.calls}, ensure_ascii=False, indent=1))
    shutil.rmtree(STATE, ignore_errors=True)


if __name__ == "__main__":
    main()
