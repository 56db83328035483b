//! One exchange while it passes: what is kept of it, and the call it becomes.

mod accounts;
mod part;
mod sinks;

use std::collections::HashMap;
use std::sync::Arc;

use spyhop_http::{Body, Exchange, Field, Greeting, Half, Inspection, MessageEnd, RequestHead, ResponseHead, field};
use spyhop_model::{
    Agent, Call, Connection, Delivered, ExchangeId, Fingerprint, Halves, Key, Message, Moment, Protocol, Raw, Request,
    Response, Side, Sighting, Socket, Timestamp, Transport,
};
use spyhop_tls::ClientHello;

use crate::agent::Agents;
use crate::answer::AnswerScan;
use crate::caller::Caller;
use crate::charset;
use crate::content::{Recogniser, Source};
use crate::credential::CredentialScan;
use crate::delivered::delivered;
use crate::handshake::{self, Met};
use crate::head::{FIELD, host_of, is_forwarded_https, media_type, read_field, split_target, without_port};
use crate::issued;
use crate::login::{LoginContext, LoginScan};
use crate::password::{Judged, Strength};
use crate::redact::{self, Redactor};
use crate::script::Script;
use crate::secrets::Secrets;
use crate::segment::segment;
use crate::shed::{Sensitive, Shed};
use crate::token::{KnownSecrets, Tokens};
use crate::types::{CustomTypes, Grading};
use crate::walk::{Form, WalkMemory};
pub use accounts::InspectAccounts;
use part::{Admitted, Part, Step, pass};
use sinks::{Answered, Asked, QuerySink};

/// User agents whose family is remembered; classifying is pure, so forgetting all of them changes nothing.
const AGENTS: usize = 4_096;
/// Segments of a path that are looked at one by one.
const SEGMENTS: usize = 64;

/// What all workers share: built once, never changed.
pub struct Knowledge {
    agents: Agents,
    strength: Strength,
    key: Key,
    raw_fields: bool,
    types: CustomTypes,
    grading: Arc<Grading>,
    secrets: Secrets,
    known: KnownSecrets,
    /// Endpoints in which something sensitive was seen; only where work may be shed.
    sensitive: Option<Sensitive>,
}

impl Knowledge {
    /// `raw_fields` keeps text as on the wire beside the redacted one; only a replay may ask for it.
    pub fn new(key: Key, raw_fields: bool) -> Knowledge {
        let types = CustomTypes::default();
        Knowledge {
            agents: Agents::new(),
            strength: Strength::new(),
            key,
            raw_fields,
            types,
            grading: Arc::default(),
            secrets: Secrets::new(),
            known: KnownSecrets::new(),
            sensitive: None,
        }
    }

    /// Knows which endpoints are sensitive, for when not everything can be inspected.
    pub fn with_shedding(self) -> Knowledge {
        Knowledge { sensitive: Some(Sensitive::default()), ..self }
    }

    /// With types of the operator's own.
    pub fn with_types(self, types: CustomTypes) -> Knowledge {
        Knowledge { types, ..self }
    }

    /// With a way of grading other than the default one.
    pub fn with_grading(self, grading: Grading) -> Knowledge {
        Knowledge { grading: Arc::new(grading), ..self }
    }
}

/// What a worker's inspections share.
pub struct Inspector {
    knowledge: Arc<Knowledge>,
    /// Its own copy: matching borrows scratch memory that threads would compete for.
    classifier: Agents,
    recogniser: Recogniser,
    redactor: Redactor,
    tokens: Tokens,
    agents: HashMap<u64, Agent>,
    judged: Judged,
    hasher: ahash::RandomState,
    scratch: Vec<u8>,
    /// What walkers of archives and PDF hold.
    walking: WalkMemory,
    /// What is left out from here on.
    pub shed: Shed,
    /// What was not read.
    pub accounts: InspectAccounts,
    /// What was seen, in the order in which it was complete; whoever runs the worker takes it.
    pub sightings: Vec<Sighting>,
}

impl Inspector {
    /// One worker's.
    pub fn new(knowledge: Arc<Knowledge>) -> Inspector {
        let redactor = Redactor::with_types(knowledge.key.clone(), knowledge.types.clone());
        Inspector {
            recogniser: Recogniser::with_types(
                knowledge.key.clone(),
                knowledge.types.clone(),
                knowledge.grading.clone(),
                knowledge.secrets.clone(),
            ),
            tokens: Tokens::new(knowledge.key.clone(), redactor.clone(), knowledge.known.clone()),
            redactor,
            classifier: knowledge.agents.clone(),
            knowledge,
            agents: HashMap::new(),
            judged: Judged::default(),
            hasher: ahash::RandomState::new(),
            scratch: Vec::new(),
            walking: WalkMemory::default(),
            shed: Shed::Nothing,
            accounts: InspectAccounts::default(),
            sightings: Vec::new(),
        }
    }

    /// Capture time has reached `now`.
    pub fn at(&mut self, now: Timestamp) {
        self.recogniser.now = now;
    }

    /// What was seen since the last call.
    pub fn take(&mut self) -> Vec<Sighting> {
        let values = self.recogniser.values.take();
        self.sightings.extend(values.into_iter().map(|values| Sighting::Values(Box::new(values))));
        std::mem::take(&mut self.sightings)
    }

    /// A QUIC connection begins.
    pub fn quic(&mut self, met: Met, hello: &ClientHello) {
        let handshake = handshake::of_hello(&self.redactor, met, Some(hello), true);
        self.sightings.push(Sighting::Handshake(Box::new(handshake)));
    }

    /// Whether the body of an answer is left out.
    fn leaves_out(&self, request: Option<&Request>) -> bool {
        match (self.shed, &self.knowledge.sensitive, request) {
            (Shed::Nothing, ..) | (_, None, _) => false,
            (Shed::Bodies, ..) => true,
            (Shed::LowGrade, Some(sensitive), Some(request)) => !sensitive.holds(request),
            (Shed::LowGrade, _, None) => true,
        }
    }

    fn classify(&mut self, user_agent: Option<&str>) -> Agent {
        let hash = self.hasher.hash_one(user_agent);
        if let Some(agent) = self.agents.get(&hash) {
            return *agent;
        }
        let agent = self.classifier.classify(user_agent);
        if self.agents.len() >= AGENTS {
            self.agents.clear();
        }
        self.agents.insert(hash, agent);
        agent
    }

    /// What the client's software shows of itself: user agent, order of fields, languages and codings.
    fn picture(&mut self, head: &RequestHead<'_>) -> Option<Fingerprint> {
        self.scratch.clear();
        for field in head.fields {
            let varies = ["cookie", "content-length", "content-type", "referer", "authorization", "host"];
            if varies.iter().any(|name| field.name.eq_ignore_ascii_case(name.as_bytes())) {
                continue;
            }
            self.scratch.extend_from_slice(field.name);
            let tells = ["user-agent", "accept-language", "accept-encoding"];
            if tells.iter().any(|name| field.name.eq_ignore_ascii_case(name.as_bytes())) {
                self.scratch.push(b'=');
                self.scratch.extend_from_slice(field.value.get(..FIELD).unwrap_or(field.value));
            }
            self.scratch.push(b'\n');
        }
        (!self.scratch.is_empty()).then(|| self.knowledge.key.fingerprint("picture", &self.scratch))
    }
}

/// One exchange in progress.
pub struct ExchangeInspection {
    connection: Connection,
    began_at: Timestamp,
    request: Option<Request>,
    response: Option<Response>,
    raw: Option<Box<Raw>>,
    agent: Agent,
    picture: Option<Fingerprint>,
    login: LoginScan,
    credentials: CredentialScan,
    /// From the heads on: connections that wait for them have none.
    caller: Option<Box<Caller>>,
    answer: Option<Box<AnswerScan>>,
    asked: Part,
    answered: Part,
    exchange: ExchangeId,
    grpc_status: Option<u32>,
    delivered: Option<Box<Delivered>>,
    page_size: Option<u32>,
    /// TLS ends before us, says the request.
    forwarded_https: bool,
    /// Messages that are passing, by half.
    messages: [Option<Box<Part>>; 2],
    /// Whether each half's body is left out, and whether that has been told.
    left_out: [Option<bool>; 2],
}

impl Inspection for ExchangeInspection {
    type Context = Inspector;

    fn begin(_cx: &mut Inspector, connection: &Connection, at: Timestamp) -> Self {
        ExchangeInspection {
            connection: *connection,
            began_at: at,
            request: None,
            response: None,
            raw: None,
            agent: Agent::default(),
            picture: None,
            login: LoginScan::default(),
            credentials: CredentialScan::default(),
            caller: None,
            answer: None,
            asked: Part::new(Half::Request, at),
            answered: Part::new(Half::Response, at),
            exchange: ExchangeId::default(),
            grpc_status: None,
            delivered: None,
            page_size: None,
            forwarded_https: false,
            messages: [None, None],
            left_out: [None, None],
        }
    }

    fn numbered(&mut self, ordinal: u32) {
        self.exchange = ExchangeId { flow: self.connection.id, ordinal };
        self.asked.content.of(self.exchange);
        self.answered.content.of(self.exchange);
    }

    fn passed_on(&mut self, source: std::net::IpAddr) {
        let caller = self.caller.get_or_insert_default();
        caller.forwarded.get_or_insert_default().proxied = Some(source);
    }

    fn again(&self, _cx: &mut Inspector, connection: &Connection, at: Timestamp) -> Self {
        ExchangeInspection {
            connection: *connection,
            began_at: at,
            request: self.request.clone(),
            response: None,
            raw: self.raw.clone(),
            agent: self.agent,
            picture: self.picture,
            login: LoginScan::default(),
            credentials: CredentialScan::default(),
            caller: self.caller.clone(),
            answer: None,
            asked: Part::new(Half::Request, at),
            answered: Part::new(Half::Response, at),
            exchange: self.exchange,
            grpc_status: None,
            delivered: None,
            page_size: self.page_size,
            forwarded_https: self.forwarded_https,
            messages: [None, None],
            left_out: [None, None],
        }
    }

    fn request(&mut self, cx: &mut Inspector, head: &RequestHead<'_>) {
        let target = charset::text(head.target);
        let host = host_of(head, &target);
        let user_agent = field(head.fields, "user-agent").map(String::from_utf8_lossy);
        let content_type = field(head.fields, "content-type");
        self.agent = cx.classify(user_agent.as_deref());
        self.picture = cx.picture(head);
        self.login.request(head);
        self.forwarded_https = is_forwarded_https(head.fields);
        self.credentials.request(head, &mut cx.tokens, self.began_at);
        self.asked.head(content_type, field(head.fields, "content-disposition"), &cx.walking);
        if cx.shed == Shed::Bodies && cx.leaves_out(None) {
            self.left_out[index(Half::Request)] = Some(false);
        }

        let (path, query) = split_target(&target);
        let mut caller = Box::new(Caller::of(head, path, &cx.tokens));
        self.asked.content.path(&mut cx.recogniser, path);
        if let Some(query) = query {
            self.asked.content.query(&mut cx.recogniser, query);
            let mut pairs = Form::default();
            let mut sink = QuerySink {
                login: &mut self.login,
                credentials: &mut self.credentials,
                caller: &mut caller,
                tokens: &mut cx.tokens,
                began_at: self.began_at,
                page_size: &mut self.page_size,
            };
            pairs.feed(query.as_bytes(), &mut sink);
            pairs.finish(&mut sink);
        }
        let proxied = self.caller.take().and_then(|before| before.forwarded?.proxied);
        if proxied.is_some() {
            caller.forwarded.get_or_insert_default().proxied = proxied;
        }
        self.caller = Some(caller);
        for field in head.fields {
            read_field(&mut self.asked.content, &mut cx.recogniser, field);
        }
        let method = String::from_utf8_lossy(head.method);
        if cx.knowledge.raw_fields {
            self.raw = Some(Box::new(Raw {
                method: Some(method.as_ref().into()),
                target: Some(target.as_ref().into()),
                host: host.as_deref().map(Into::into),
                user_agent: user_agent.as_deref().map(Into::into),
                account: None,
            }));
        }
        let segments = path.split('/').filter(|segment| !segment.is_empty()).take(SEGMENTS);
        self.request = Some(Request {
            method: redact::method(&method).into(),
            target: cx.redactor.target(&target).into(),
            // What is coded in Base64 can only be known before case is lost.
            host: host.map(|host| cx.redactor.host(&host).to_ascii_lowercase()).unwrap_or_default().into(),
            path: segments.map(|raw| segment(&cx.redactor, raw)).collect(),
            version: head.version,
            odd_version: None,
            user_agent: user_agent.map(|text| cx.redactor.text(&text).into()),
            content_type: content_type.and_then(media_type),
            body: Body::default(),
        });
    }

    fn response(&mut self, cx: &mut Inspector, head: &ResponseHead<'_>) {
        let content_type = field(head.fields, "content-type");
        self.answered.head(content_type, field(head.fields, "content-disposition"), &cx.walking);
        self.login.response(head);
        let host = self.request.as_ref().map_or("", |request| without_port(&request.host));
        let login = self.login.is_candidate() || self.credentials.has_one_time();
        if !login && cx.leaves_out(self.request.as_ref()) {
            self.left_out[index(Half::Response)] = Some(false);
        }
        let asked = issued::Asked { credentials: &self.credentials, host, login, at: self.began_at };
        let mut answer = Box::new(AnswerScan::default());
        answer.issued.response(head, &asked, &mut cx.tokens);
        self.answer = Some(answer);
        self.delivered = delivered(head.fields, &cx.redactor);
        for field in head.fields {
            read_field(&mut self.answered.content, &mut cx.recogniser, field);
        }
        // A call that fails at once has its status here (gRPC over HTTP/2, "Trailers-Only").
        self.read_grpc_status(head.fields);
        self.response = Some(Response {
            status: head.status,
            version: head.version,
            odd_version: None,
            content_type: content_type.and_then(media_type),
            body: Body::default(),
        });
    }

    fn body(&mut self, cx: &mut Inspector, half: Half, bytes: &[u8], last: bool) {
        if let (Half::Response, Some(answer)) = (half, &mut self.answer) {
            let asks_who = self.caller.as_ref().is_some_and(|caller| caller.asks_who);
            answer.reads(bytes.len(), last, asks_who || self.login.is_candidate());
        }
        if self.is_left_out(half) {
            if self.left_out[index(half)].replace(true) == Some(false) {
                cx.accounts.bodies_shed += 1;
                self.step(cx, half, Step::Gap);
            }
            return;
        }
        self.step(cx, half, Step::Bytes(bytes));
        if last {
            self.step(cx, half, Step::End);
        }
    }

    fn gap(&mut self, cx: &mut Inspector, half: Half, _lost: u64) {
        self.step(cx, half, Step::Gap);
    }

    fn trailers(&mut self, cx: &mut Inspector, half: Half, fields: &[Field<'_>]) {
        let content = match half {
            Half::Request => &mut self.asked.content,
            Half::Response => &mut self.answered.content,
        };
        for field in fields {
            read_field(content, &mut cx.recogniser, field);
        }
        if half == Half::Response {
            self.read_grpc_status(fields);
        }
    }

    fn message(&mut self, cx: &mut Inspector, half: Half, bytes: &[u8]) {
        self.message_part(half, &cx.walking).values(cx, Step::Bytes(bytes));
    }

    fn message_gap(&mut self, cx: &mut Inspector, half: Half) {
        self.message_part(half, &cx.walking).values(cx, Step::Gap);
    }

    fn message_end(&mut self, cx: &mut Inspector, message: &MessageEnd) {
        let Some(mut part) = self.messages[index(message.half)].take() else { return };
        part.values(cx, Step::End);
        cx.accounts.values_over_limit += part.content.values_over_limit();
        cx.accounts.walk.add(&part.scan.accounts());
        let seen = part.content.finish(&cx.recogniser);
        let observations = seen.observations;
        if observations.is_empty() {
            // There may be millions of them: what says nothing costs no event.
            cx.accounts.plain_messages += 1;
            return;
        }
        let connection = self.connection;
        let (client, server) = ends(&connection, message.client);
        // As of the request that it repeats; what that proved is told with its exchange.
        let caller = self.caller.as_deref().cloned().unwrap_or_default();
        cx.sightings.push(Sighting::Call(Box::new(Call {
            moment: Moment { at: message.completed_at, flow: connection.id, ordinal: message.ordinal },
            began_at: message.began_at,
            answered_at: None,
            ended_at: message.completed_at,
            client,
            server,
            vlans: connection.key.vlans,
            transport: Transport::Cleartext,
            forwarded_https: self.forwarded_https,
            protocol: message.protocol,
            stream: message.stream,
            message: Some(Box::new(Message {
                opened_by: message.opened_by,
                kind: message.kind,
                half: message.half,
                number: message.number,
                body: message.body,
            })),
            grpc_status: None,
            request: self.request.clone(),
            response: None,
            defects: message.defects,
            agent: self.agent,
            picture: self.picture,
            login: None,
            credentials: Vec::new(),
            observations,
            holding: match message.half {
                Half::Request => Halves { request: seen.holding, response: None },
                Half::Response => Halves { request: None, response: seen.holding },
            },
            unveiled: seen.unveiled,
            delivered: None,
            page_size: None,
            masks_in_browser: Vec::new(),
            issued: Vec::new(),
            refused: false,
            logout: false,
            names_caller: None,
            header_account: caller.header_account,
            forwarded: caller.forwarded,
            traits: caller.traits,
            device_id: caller.device_id,
            operation: caller.operation.finish(&cx.tokens),
            raw: self.raw.clone(),
        })));
    }

    fn greeting(cx: &mut Inspector, connection: &Connection, greeting: &Greeting<'_>) {
        let said = greeting.handshake;
        let client = said.client.unwrap_or(Side::Originator);
        let (client_end, server_end) = ends(connection, client);
        let moment = Moment { at: greeting.completed_at, flow: connection.id, ordinal: greeting.ordinal };
        let vlans = connection.key.vlans;
        let met = Met { moment, began_at: greeting.began_at, client: client_end, server: server_end, vlans };
        let handshake = handshake::of_tls(&cx.redactor, met, said);
        cx.sightings.push(Sighting::Handshake(Box::new(handshake)));
    }

    fn end(mut self, cx: &mut Inspector, exchange: &Exchange) {
        // Bodies that were cut off have not been ended yet.
        self.step(cx, Half::Request, Step::End);
        self.step(cx, Half::Response, Step::End);
        let ExchangeInspection {
            connection,
            mut request,
            mut response,
            mut raw,
            login,
            credentials,
            caller,
            answer,
            asked,
            answered,
            grpc_status,
            forwarded_https,
            delivered,
            page_size,
            ..
        } = self;
        let masks_in_browser = answered.script.map(Script::finish).unwrap_or_default();
        if let (Some(request), Some(body)) = (&mut request, exchange.request) {
            request.body = body;
            request.odd_version.clone_from(&exchange.odd_versions[0]);
            if exchange.protocol == Protocol::Http2 {
                // A request that was upgraded is answered as one of HTTP/2.
                request.version = (2, 0);
            }
        }
        if let (Some(response), Some(body)) = (&mut response, exchange.response) {
            response.body = body;
            response.odd_version.clone_from(&exchange.odd_versions[1]);
        }
        let host = request.as_ref().map(|request| &*request.host).filter(|host| !host.is_empty());
        let redactor = &cx.redactor;
        let login_found = login.finish(&LoginContext {
            key: &cx.knowledge.key,
            strength: &cx.knowledge.strength,
            judged: &cx.judged,
            host,
            redact: &|name| redactor.value("account", name).into(),
        });
        if let (Some(raw), Some(_)) = (&mut raw, &login_found) {
            raw.account = login.account_as_sent().map(Into::into);
        }
        let (mut credentials, left_out) = credentials.finish();
        credentials.iter_mut().for_each(|credential| cx.recogniser.hide(&mut credential.place));
        cx.accounts.credentials_over_limit += u64::from(left_out);
        let (caller, answer) = (caller.map(|caller| *caller).unwrap_or_default(), answer.unwrap_or_default());
        let status = response.as_ref().map_or(0, |response| response.status);
        let good = (200..400).contains(&status);
        // PERMISSION_DENIED and UNAUTHENTICATED of gRPC.
        let refused = matches!(grpc_status, Some(7 | 16))
            || answer.refuses(status, exchange.response.map_or(0, |body| body.decoded_len));
        let ends_session = answer.issued.only_revokes() && login_found.is_none();
        let logout = good && !refused && (caller.logs_out || ends_session);
        let names_caller = answer.account(&cx.tokens).filter(|_| good && !refused && caller.asks_who).map(Box::new);
        let (mut issued, left_out) = answer.issued.finish();
        issued.iter_mut().for_each(|one| cx.recogniser.hide(&mut one.place));
        cx.accounts.credentials_over_limit += u64::from(left_out);
        cx.accounts.values_over_limit += asked.content.values_over_limit() + answered.content.values_over_limit();
        cx.accounts.walk.add(&asked.scan.accounts());
        cx.accounts.walk.add(&answered.scan.accounts());
        let (sent, shown) = (asked.content.finish(&cx.recogniser), answered.content.finish(&cx.recogniser));
        let mut observations = sent.observations;
        observations.extend(shown.observations);
        if let (Some(sensitive), Some(request), false) = (&cx.knowledge.sensitive, &request, observations.is_empty()) {
            sensitive.add(request);
        }
        let (client, server) = ends(&connection, exchange.client);
        cx.sightings.push(Sighting::Call(Box::new(Call {
            moment: Moment { at: exchange.completed_at, flow: connection.id, ordinal: exchange.ordinal },
            began_at: exchange.began_at,
            answered_at: exchange.answered_at,
            ended_at: exchange.ended_at,
            client,
            server,
            vlans: connection.key.vlans,
            transport: Transport::Cleartext,
            forwarded_https,
            protocol: exchange.protocol,
            stream: exchange.stream,
            message: None,
            grpc_status,
            request,
            response,
            defects: exchange.defects,
            agent: self.agent,
            picture: self.picture,
            login: login_found.map(Box::new),
            credentials,
            observations,
            holding: Halves { request: sent.holding, response: shown.holding },
            unveiled: shown.unveiled,
            delivered,
            page_size,
            masks_in_browser,
            issued,
            refused,
            logout,
            names_caller,
            header_account: caller.header_account,
            forwarded: caller.forwarded,
            traits: caller.traits,
            device_id: caller.device_id,
            operation: caller.operation.finish(&cx.tokens),
            raw,
        })));
    }
}

fn index(half: Half) -> usize {
    match half {
        Half::Request => 0,
        Half::Response => 1,
    }
}

/// Client and server.
fn ends(connection: &Connection, client: Side) -> (Socket, Socket) {
    match client {
        Side::Originator => (connection.originator, connection.responder),
        Side::Responder => (connection.responder, connection.originator),
    }
}

impl ExchangeInspection {
    /// What is read of a message: bare, whatever the type of the exchange that opened its channel; but gRPC's are what
    /// their exchange says.
    fn message_part(&mut self, half: Half, walking: &WalkMemory) -> &mut Part {
        let (at, exchange) = (self.connection.started, self.exchange);
        let grpc = self.request.as_ref().and_then(|request| request.content_type.as_deref());
        self.messages[index(half)].get_or_insert_with(|| {
            let mut part = Box::new(Part::new(half, at));
            part.content.of(exchange);
            part.head(grpc.filter(|kind| kind.starts_with("application/grpc")).map(str::as_bytes), None, walking);
            part
        })
    }

    /// A login is always read, and whether it is one may show in its body only: in the beginning of the request's.
    fn is_left_out(&self, half: Half) -> bool {
        self.left_out[index(half)].is_some() && !self.login.is_candidate()
    }

    fn read_grpc_status(&mut self, fields: &[Field<'_>]) {
        let status = field(fields, "grpc-status").and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        self.grpc_status = self.grpc_status.or(status);
    }

    fn step(&mut self, cx: &mut Inspector, half: Half, step: Step<'_>) {
        let part = match half {
            Half::Request => &mut self.asked,
            Half::Response => &mut self.answered,
        };
        match part.admit(cx, step) {
            Admitted::Nothing => {}
            Admitted::Step => self.read(cx, half, step),
            Admitted::Held(first) => {
                self.read(cx, half, Step::Bytes(&first));
                if !matches!(step, Step::Bytes(_)) {
                    self.read(cx, half, step);
                }
            }
        }
    }

    fn read(&mut self, cx: &mut Inspector, half: Half, step: Step<'_>) {
        let ExchangeInspection { login, credentials, caller, answer, asked, answered, page_size, began_at, .. } = self;
        let (status, began_at) = (self.response.as_ref().map_or(0, |response| response.status), *began_at);
        let part = match half {
            Half::Request => asked,
            Half::Response => answered,
        };
        let Part { content, scan, html, script, .. } = part;
        if let (Step::Bytes(bytes), Half::Response, Some(script)) = (step, half, script) {
            script.feed(bytes);
        }
        let tokens = &mut cx.tokens;
        let mut values = content.sink(&mut cx.recogniser, Source::Body);
        match half {
            Half::Request => {
                let caller = caller.as_deref_mut();
                let mut asked = Asked { login, page_size, credentials, caller, tokens, began_at };
                pass(scan, step, &mut (&mut values, &mut asked));
            }
            Half::Response => {
                let mut login = Some(login).filter(|login| login.is_candidate());
                if let (Step::Bytes(bytes), true, Some(login)) = (step, *html, &mut login) {
                    login.response_page(bytes);
                }
                let answer = answer.as_deref_mut().filter(|answer| answer.is_read());
                if login.is_none() && answer.is_none() {
                    return pass(scan, step, &mut values);
                }
                pass(scan, step, &mut (&mut values, &mut Answered { login, answer, status, tokens, began_at }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
