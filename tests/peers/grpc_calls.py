"""gRPC: the grpcio server answers the grpcio client, with messages encoded by hand: one call with one answer, one packed with
gzip, one with a stream of answers, one that is refused, one to a method that is not there."""

from concurrent import futures

import grpc

import wire

CUSTOMERS = "/demo.crm.v1.Customers"


def field(number, value):
    """One field of a protobuf message: a string or nested message (bytes), or a varint (int)."""
    def varint(number):
        out = bytearray()
        while number > 0x7F:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        return bytes(out + bytes([number]))

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def customer(number, mobile):
    """Field 1 is the number, 2 the name, 3 a contact with the mobile number as its field 2, 4 the identity card."""
    return b"".join([field(1, number), field(2, "欧阳雪梅"), field(3, field(1, 1) + field(2, mobile)), field(4, wire.ID_CARD)])


ASK = field(1, 5)
ANSWER = customer(5, wire.MOBILE)


class Service(grpc.GenericRpcHandler):
    """Its methods take and give encoded messages."""

    def service(self, call):
        raw = {"request_deserializer": None, "response_serializer": None}
        known = {
            f"{CUSTOMERS}/Get": grpc.unary_unary_rpc_method_handler(self.get, **raw),
            f"{CUSTOMERS}/List": grpc.unary_stream_rpc_method_handler(self.list, **raw),
            f"{CUSTOMERS}/Delete": grpc.unary_unary_rpc_method_handler(self.delete, **raw),
        }
        return known.get(call.method)

    def get(self, request, context):
        return customer(request[-1], wire.MOBILE)

    def list(self, request, context):
        for number in range(3):
            yield customer(number, wire.OTHER_MOBILE) if number == 1 else field(1, number)

    def delete(self, request, context):
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "not yours")


def framed(*messages):
    """The length of messages, each with its prefix."""
    return sum(5 + len(message) for message in messages)


def scenario(said):
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Service()], compression=grpc.Compression.NoCompression)
    port = server.add_insecure_port("127.0.0.1:0")
    authority = f"127.0.0.1:{port}"
    with wire.watch([port]):
        server.start()

        def calls(method, request, **channel_options):
            """What was answered, and the status."""
            with grpc.insecure_channel(authority, options=[("grpc.enable_http_proxy", 0)], **channel_options) as channel:
                call = channel.unary_stream(f"{CUSTOMERS}/{method}")(request, timeout=wire.LONG)
                try:
                    return list(call), call.code()
                except grpc.RpcError:
                    return [], call.code()

        # Long enough that packing it pays.
        search = field(2, wire.THIRD_MOBILE) * 40 + field(1, 5)
        assert calls("Get", ASK) == ([ANSWER], grpc.StatusCode.OK)
        assert calls("Get", search, compression=grpc.Compression.Gzip) == ([ANSWER], grpc.StatusCode.OK)
        listed, status = calls("List", b"")
        assert len(listed) == 3 and status == grpc.StatusCode.OK
        assert calls("Delete", ASK) == ([], grpc.StatusCode.PERMISSION_DENIED)
        assert calls("Rename", ASK) == ([], grpc.StatusCode.UNIMPLEMENTED)
        server.stop(grace=None).wait()

    def call(method, request, answers, status):
        head = {"method": "POST", "target": f"{CUSTOMERS}/{method}", "host": authority, "content_type": "application/grpc"}
        answered = {"status": 200, "content_type": "application/grpc", "grpc_status": status, "body_len": framed(*answers)}
        said.exchange({**head, **request}, answered, protocol="h2", endpoint=f"POST {authority}{CUSTOMERS}/{method}")

    call("Get", {"body_len": framed(ASK)}, [ANSWER], 0)
    call("Get", {"body_len_decoded": len(search)}, [ANSWER], 0)
    call("List", {"body_len": framed(b"")}, listed, 0)
    call("Delete", {"body_len": framed(ASK)}, [], 7)
    call("Rename", {"body_len": framed(ASK)}, [], 12)
    get, listing = f"POST {authority}{CUSTOMERS}/Get", f"POST {authority}{CUSTOMERS}/List"
    for _ in range(2):
        # A lone number without a name is a candidate only.
        said.mobile(get, "response", "$.3.2", sample="135****4719", reported=False)
        said.value("cn_resident_id", get, "response", "$.4")
    said.mobile(get, "request", "$.2", sample="159****0365", count=40)
    message = {"kind": "grpc", "length": len(listed[1])}
    said.mobile(listing, "response", "$.3.2", sample="187****1264", reported=False, message=message)
    said.value("cn_resident_id", listing, "response", "$.4", message=message)


wire.run(scenario)
