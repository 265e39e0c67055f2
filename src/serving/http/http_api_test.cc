// SPDX-License-Identifier: Apache-2.0
#include "serving/http/http_api.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "log/request_limits.h"
#include "net/http_client.h"
#include "serving/http/result_body.h"
#include "serving/test_support.h"

namespace braid::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class HttpApiFixture : public testing::Test {
  protected:
    void SetUp() override {
        auto server =
            HttpApiServer::start({}, node_.services, node_.workers, [this] { return is_ready_; });
        ASSERT_OK(server);
        server_ = *std::move(server);
        client_ = std::make_unique<net::HttpClient>("127.0.0.1", server_->port());
    }
    net::HttpResponse send(net::HttpClient::Request request) {
        auto response = client_->send(request);
        EXPECT_OK(response);
        return response ? *std::move(response) : net::HttpResponse{.status = 0};
    }
    net::HttpResponse get(std::string target) { return send({.target = std::move(target)}); }
    net::HttpResponse post(std::string target, std::string body,
                           std::vector<net::HttpHeader> headers = {}) {
        return send({.method = "POST",
                     .target = std::move(target),
                     .headers = std::move(headers),
                     .body = std::move(body)});
    }

    FakeNode node_;
    bool is_ready_ = true;
    std::unique_ptr<HttpApiServer> server_;
    std::unique_ptr<net::HttpClient> client_;
};

TEST_F(HttpApiFixture, StoresRecordsLineByLine) {
    const auto response = post("/v1/tables/t/records", "{\"a\":1}\r\n\r\n  \n{\"a\":2}\nnot json");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_EQ(response.body,
              "{\"partition\":0,\"first_offset\":0,\"last_offset\":2,\"records\":3,"
              "\"durability\":\"disk\"}\n");
    EXPECT_THAT(node_.control.log("t").all(), ElementsAre("{\"a\":1}", "{\"a\":2}", "not json"));
    EXPECT_THAT(get("/metrics").body, HasSubstr("\nbraid_http_records_total 3\n"));
}

TEST_F(HttpApiFixture, StoresARepeatedRequestOnce) {
    const std::vector<net::HttpHeader> key = {{"Idempotency-Key", "k1"}};
    const auto first = post("/v1/tables/t/records", "1\n2\n", key);
    const auto second = post("/v1/tables/t/records", "1\n2\n", key);
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(second.body, first.body);
    EXPECT_EQ(post("/v1/tables/t/records", "1\n3\n", key).status, 422);
    EXPECT_EQ(node_.control.log("t").all().size(), 2u);
}

TEST_F(HttpApiFixture, TakesKeysOfAsManyBytesAsTheLog) {
    const auto status_of = [&](size_t bytes) {
        return post("/v1/tables/t/records", "1", {{"Idempotency-Key", std::string(bytes, 'k')}})
            .status;
    };
    EXPECT_EQ(status_of(log::kKeyBytesMax - 1), 200);
    EXPECT_EQ(status_of(log::kKeyBytesMax), 200);
    EXPECT_EQ(status_of(log::kKeyBytesMax + 1), 400);
    EXPECT_EQ(status_of(0), 400);
}

TEST_F(HttpApiFixture, ChoosesThePartition) {
    post("/v1/sql", "CREATE TABLE p (a int) WITH (partitions = 3)");
    EXPECT_THAT(post("/v1/tables/p/records?partition=2", "1").body, HasSubstr("\"partition\":2"));
    EXPECT_EQ(post("/v1/tables/p/records?partition=3", "1").status, 400);
    EXPECT_EQ(post("/v1/tables/p/records?partition=x", "1").status, 400);
    std::set<std::string> seen;
    for (int i = 0; i < 3; ++i) seen.insert(post("/v1/tables/p/records", "1").body.substr(0, 14));
    EXPECT_EQ(seen.size(), 3u);
}

TEST_F(HttpApiFixture, RefusesRecordsThatHaveNoPlace) {
    EXPECT_EQ(post("/v1/tables/nothing/records", "1").status, 404);
    EXPECT_EQ(post("/v1/tables/v/records", "1").status, 409);
    const auto file = post("/v1/tables/f/records", "1");
    EXPECT_EQ(file.status, 409);
    EXPECT_THAT(file.body, HasSubstr("\"code\":\"0A000\""));
    EXPECT_EQ(post("/v1/tables/t/records", "").status, 400);
    EXPECT_EQ(post("/v1/tables/t/records", "\n \r\n").status, 400);
    EXPECT_THAT(post("/v1/tables/t/records", " [{\"a\":1}]").body,
                HasSubstr("one JSON object a line"));
    EXPECT_EQ(get("/v1/tables/t/records").status, 405);
}

TEST_F(HttpApiFixture, NamesTheLineThatIsTooLong) {
    const std::string longest(kRecordBytesMax, 'x');
    EXPECT_EQ(post("/v1/tables/t/records", longest.substr(1) + "\r\n" + longest).status, 200);
    const auto response = post("/v1/tables/t/records", "1\n\n" + longest + "x\n2");
    EXPECT_EQ(response.status, 413);
    EXPECT_THAT(response.body, HasSubstr("line 3"));
    EXPECT_THAT(response.body, HasSubstr("\"hint\""));
    EXPECT_EQ(node_.control.log("t").all().size(), 2u);
    const std::string body = "1\n" + std::string(kRecordsBodyBytesMax - 3, '\n');
    EXPECT_EQ(post("/v1/tables/t/records", body).status, 200);
    EXPECT_EQ(post("/v1/tables/t/records", body + "\n").status, 200);
    EXPECT_EQ(post("/v1/tables/t/records", body + "\n\n").status, 413);
    // Of a handler, and before any.
    EXPECT_THAT(node_.metrics.to_prometheus(),
                HasSubstr("braid_http_errors_total{status=\"413\"} 2\n"));
}

TEST_F(HttpApiFixture, TellsToComeBackWhenTheDiskIsFull) {
    node_.control.log("t").fail_with(
        Error(ErrorCode::kExhausted, "no space").with_sqlstate("53100"));
    const auto response = post("/v1/tables/t/records", "1");
    EXPECT_EQ(response.status, 429);
    EXPECT_NE(net::find_header(response.headers, "Retry-After"), nullptr);
}

TEST_F(HttpApiFixture, AnswersSql) {
    EXPECT_EQ(
        post("/v1/sql", "SELECT b, n FROM v").body,
        "{\"columns\":[{\"name\":\"b\",\"type\":\"text\"},{\"name\":\"n\",\"type\":\"bigint\"}],"
        "\"rows\":[\n[\"one\",1],\n[\"two\",2],\n[\"\\\"3\\\"\",3]\n],\"tag\":\"SELECT 3\"}\n");
    const auto json =
        post("/v1/sql", R"({"query": "SELECT $1::int4 AS a, $2::text AS b, $3::numeric AS c",
                                         "params": [1, null, 2.50]})");
    EXPECT_EQ(json.status, 200);
    EXPECT_THAT(json.body, HasSubstr("\n[1,null,\"2.50\"]\n"));
    EXPECT_THAT(post("/v1/sql", "INSERT INTO t VALUES (1, 'x'); SELECT 5").body,
                HasSubstr("\n[5]\n"));
    EXPECT_EQ(node_.control.log("t").all().size(), 1u);
    EXPECT_EQ(post("/v1/sql", "CREATE TABLE n (a int)").body,
              "{\"columns\":[],\"rows\":[\n],\"tag\":\"CREATE TABLE\"}\n");
}

TEST_F(HttpApiFixture, AnswersSqlAsCsv) {
    const std::vector<net::HttpHeader> csv = {{"Accept", "text/csv"}};
    const auto response = post("/v1/sql", "VALUES ('a,b', 1), ('say \"x\"', NULL), ('', 2)", csv);
    EXPECT_EQ(response.content_type, "text/csv; charset=utf-8; header=present");
    EXPECT_EQ(response.body, "column1,column2\r\n\"a,b\",1\r\n\"say \"\"x\"\"\",\r\n\"\",2\r\n");
    EXPECT_EQ(post("/v1/sql", "SELECT 1", {{"Accept", "image/png"}}).status, 406);
    EXPECT_EQ(post("/v1/sql", "SELECT 1", {{"Accept", "application/json;q=0.1, text/csv"}}).body,
              "?column?\r\n1\r\n");
    EXPECT_EQ(post("/v1/sql", "SELECT 1", {{"Accept", "text/html, */*;q=0.1"}}).status, 200);
}

TEST_F(HttpApiFixture, SendsTheReceiptAlong) {
    const auto response = post("/v1/sql?read_mode=at_cut&cut=4", "SELECT * FROM v");
    const std::string* receipt = net::find_header(response.headers, "Braid-Receipt");
    ASSERT_NE(receipt, nullptr);
    EXPECT_THAT(*receipt, testing::StartsWith("{\"manifest\":17"));
    EXPECT_EQ(node_.reader.seen_options().back().mode, runs::ReadMode::kAtCut);
    EXPECT_EQ(node_.reader.seen_options().back().cut_number, 4u);
    EXPECT_EQ(post("/v1/sql?read_mode=never", "SELECT 1").status, 400);
}

Batch wide_rows(int count) {
    ColumnBuilder text(Type::of(TypeKind::kText));
    ColumnBuilder number(Type::of(TypeKind::kInt8));
    for (int i = 0; i < count; ++i) {
        text.append_text(std::string(1000, 'x'));
        number.append_int8(i);
    }
    return {.length = static_cast<size_t>(count), .columns = {text.finish(), number.finish()}};
}

TEST_F(HttpApiFixture, SendsLongAnswersAsTheyAreMade) {
    node_.reader.rows("v", std::vector<Batch>(100, wide_rows(1000)));
    const auto csv = post("/v1/sql", "SELECT * FROM v", {{"Accept", "text/csv"}});
    EXPECT_EQ(csv.status, 200);
    EXPECT_EQ(net::find_header(csv.headers, "Content-Length"), nullptr);
    EXPECT_EQ(std::ranges::count(csv.body, '\n'), 100'001);
    const std::string* receipt = net::find_header(csv.headers, "Braid-Receipt");
    ASSERT_NE(receipt, nullptr);
    EXPECT_THAT(*receipt, testing::StartsWith("{\"manifest\":17"));
    const auto json = post("/v1/sql", "SELECT * FROM v");
    EXPECT_THAT(json.body, testing::EndsWith("\n],\"tag\":\"SELECT 100000\"}\n"));
    // What comes later than the first bytes cannot be told by a status.
    node_.reader.rows("v", {wide_rows(2000), wide_rows(1)});
    node_.reader.fail_with(Error(ErrorCode::kCorrupt, "bad block"));
    EXPECT_ERROR(client_->send({.method = "POST", .target = "/v1/sql", .body = "SELECT * FROM v"}),
                 ErrorCode::kIo);
    node_.reader.rows("v", {wide_rows(10), wide_rows(1)});
    EXPECT_EQ(post("/v1/sql", "SELECT * FROM v").status, 500);
}

TEST_F(HttpApiFixture, SendsWholeWhatIsShorterThanAMebibyte) {
    const auto answer_of = [&](size_t bytes) {
        node_.reader.rows("v",
                          {{.length = 1,
                            .columns = {Column::constant(Datum::text(std::string(bytes, 'x')), 1),
                                        Column::constant(Datum::int8(1), 1)}}});
        return post("/v1/sql", "SELECT * FROM v", {{"Accept", "text/csv"}});
    };
    const size_t around = answer_of(1).body.size() - 1;
    const auto is_whole = [&](size_t bytes) {
        const auto answer = answer_of(bytes - around);
        EXPECT_EQ(answer.body.size(), bytes);
        return net::find_header(answer.headers, "Content-Length") != nullptr;
    };
    EXPECT_TRUE(is_whole((1 << 20) - 1));
    EXPECT_FALSE(is_whole(1 << 20));
    EXPECT_FALSE(is_whole((1 << 20) + 1));
}

TEST_F(HttpApiFixture, HoldsPagesOfItsShareOnly) {
    MemoryShare share("clients", 2500 << 10, node_.metrics);
    node_.services.clients = &share;
    node_.reader.rows("v", std::vector<Batch>(3, wide_rows(1000)));
    EXPECT_EQ(get("/v1/views/v?limit=1000").status, 200);
    const auto refused = get("/v1/views/v?limit=10000");
    EXPECT_EQ(refused.status, 429);
    EXPECT_THAT(refused.body, HasSubstr("53200"));
    EXPECT_EQ(*net::find_header(refused.headers, "Retry-After"), "1");
    EXPECT_EQ(share.bytes(), 0U);
}

TEST_F(HttpApiFixture, EndsAPageThatIsTooLarge) {
    const auto page_of = [&](size_t rows, size_t bytes) {
        const Datum text = Datum::text(std::string(bytes, 'x'));
        node_.reader.rows(
            "v",
            {{.length = rows,
              .columns = {Column::constant(text, rows), Column::constant(Datum::int8(1), rows)}}});
        return get("/v1/views/v");
    };
    constexpr std::string_view kEnd = "\n]}\n";
    const std::string empty = page_of(1, 0).body;
    ASSERT_TRUE(empty.ends_with(kEnd));
    const size_t most = kPageBytesMax - (empty.size() - kEnd.size());
    EXPECT_EQ(page_of(1, most - 1).status, 200);
    EXPECT_EQ(page_of(1, most).body.size(), kPageBytesMax + kEnd.size());
    const auto above = page_of(1, most + 1);
    EXPECT_EQ(above.status, 413);
    EXPECT_THAT(above.body, HasSubstr("\"54000\""));
    EXPECT_THAT(above.body, HasSubstr("\"hint\""));

    // However many rows come together.
    MemoryShare share("clients", kPageBytesMax * 4, node_.metrics);
    node_.services.clients = &share;
    EXPECT_EQ(page_of(1'000, 1 << 20).status, 413);
}

TEST_F(HttpApiFixture, ReportsErrorsAsJson) {
    const auto missing = post("/v1/sql", "SELECT * FROM nothing");
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(missing.content_type, "application/json");
    EXPECT_EQ(missing.body,
              "{\"code\":\"42P01\",\"message\":\"relation \\\"nothing\\\" does not "
              "exist\",\"position\":15}\n");
    EXPECT_EQ(post("/v1/sql", "SELEC").status, 400);
    EXPECT_EQ(post("/v1/sql", "").status, 400);
    EXPECT_EQ(post("/v1/sql", "COPY t TO STDOUT").status, 501);
    EXPECT_EQ(post("/v1/sql", "{\"query\": 1}").status, 400);
    EXPECT_EQ(post("/v1/sql", "{\"query\": \"SELECT $1::int\"}").status, 400);
    EXPECT_EQ(post("/v1/sql", "SELECT '\xff'").status, 400);
    EXPECT_THAT(get("/nowhere").body, testing::StartsWith("{\"message\":"));
}

TEST_F(HttpApiFixture, ForgetsABlockThatIsNotCommitted) {
    EXPECT_EQ(post("/v1/sql", "BEGIN; INSERT INTO t VALUES (1, 'x')").status, 200);
    EXPECT_THAT(node_.control.log("t").all(), IsEmpty());
    EXPECT_EQ(post("/v1/sql", "BEGIN; INSERT INTO t VALUES (1, 'x'); COMMIT").status, 200);
    EXPECT_EQ(node_.control.log("t").all().size(), 1u);
}

TEST_F(HttpApiFixture, GivesRowsOfViews) {
    EXPECT_EQ(get("/v1/views/v?b=two").body, "{\"rows\":[\n{\"b\":\"two\",\"n\":2}\n]}\n");
    EXPECT_EQ(get("/v1/views/v?b=%223%22").body,
              "{\"rows\":[\n{\"b\":\"\\\"3\\\"\",\"n\":3}\n]}\n");
    EXPECT_EQ(get("/v1/views/v?b=none").body, "{\"rows\":[\n]}\n");
    EXPECT_EQ(get("/v1/views/v?limit=10001").status, 400);
    EXPECT_EQ(get("/v1/views/v?after=x").status, 400);
    const auto unknown = get("/v1/views/v?nothing=1");
    EXPECT_EQ(unknown.status, 400);
    EXPECT_THAT(unknown.body, HasSubstr("\"code\":\"42703\""));
    EXPECT_EQ(get("/v1/views/v?n=x").status, 400);
    EXPECT_EQ(get("/v1/views/t").status, 404);
    EXPECT_EQ(get("/v1/views/nothing").status, 404);
}

TEST_F(HttpApiFixture, TellsThatAViewHasMoreRowsAndWhere) {
    EXPECT_EQ(get("/v1/views/v?limit=2").body,
              "{\"rows\":[\n{\"b\":\"one\",\"n\":1},\n{\"b\":\"two\",\"n\":2}\n],"
              "\"truncated\":true,\"next\":\"/v1/views/v?limit=2&after=2\"}\n");
    EXPECT_THAT(get("/v1/views/v?limit=3").body, testing::Not(HasSubstr("truncated")));
    EXPECT_EQ(get("/v1/views/v?limit=0").body, "{\"rows\":[\n]}\n");
    EXPECT_EQ(send({.target = "/v1/views/v", .headers = {{"Accept", "text/csv"}}}).status, 406);
}

TEST_F(HttpApiFixture, TellsWhichPartIsIll) {
    Health health(node_.clock, &node_.metrics);
    const auto seal = health.add("seal", "t\"");
    const auto batch = health.add("batch", "t");
    node_.services.health = &health;
    EXPECT_EQ(get("/healthz").body, "ok\n");
    batch->tell(HealthState::kDegraded, Error(ErrorCode::kIo, "too slow"));
    EXPECT_EQ(get("/readyz").status, 200);
    EXPECT_THAT(get("/readyz").body, HasSubstr("\"status\":\"degraded\""));
    seal->fell_ill(Error(ErrorCode::kIo, "no room \xFF"));
    for (const char* probe : {"/healthz", "/readyz"}) {
        const auto response = get(probe);
        EXPECT_EQ(response.status, 503);
        EXPECT_EQ(response.content_type, "application/json");
        EXPECT_THAT(response.body, HasSubstr("{\"status\":\"ill\",\"parts\":["));
        EXPECT_THAT(response.body, HasSubstr("{\"part\":\"seal\",\"stream\":\"t\\\"\",\"state\":"
                                             "\"ill\",\"reason\":\"Io (58030): no room ?\","));
    }
    EXPECT_THAT(get("/metrics").body, HasSubstr("braid_part_state{part=\"batch\",table=\"t\"} 1"));
    seal->recovered();
    batch->recovered();
    EXPECT_EQ(get("/readyz").body, "ready\n");
    EXPECT_THAT(send({.target = "/readyz", .headers = {{"Accept", "application/json"}}}).body,
                HasSubstr("{\"status\":\"ok\",\"parts\":["));
    node_.services.health = nullptr;
}

/// Every record that does not begin with a brace is bad; of the first three.
class BraceChecker final : public RecordChecker {
  public:
    RecordCheck check(const catalog::Table& /*table*/,
                      std::span<const std::string_view> records) override {
        RecordCheck check;
        for (; check.checked < std::min<size_t>(records.size(), 3); ++check.checked) {
            if (records[check.checked].starts_with('{')) continue;
            ++check.bad;
            if (check.reasons.empty()) check.reasons.push_back({check.checked, "no \"brace\""});
        }
        return check;
    }
};

TEST_F(HttpApiFixture, TellsWhichRecordsGoToQuarantine) {
    BraceChecker checker;
    node_.services.record_checker = &checker;
    post("/v1/tables/t/records", "{}");
    EXPECT_EQ(
        post("/v1/tables/t/records", "{}\n1\n2").body,
        "{\"partition\":0,\"first_offset\":1,\"last_offset\":3,\"records\":3,\"quarantined\":2,"
        "\"reasons\":[{\"offset\":2,\"reason\":\"no \\\"brace\\\"\"}],\"durability\":\"disk\"}\n");
    EXPECT_THAT(post("/v1/tables/t/records", "{}\n{}\n{}\n{}").body,
                HasSubstr("\"records\":4,\"quarantined\":0,\"checked\":3,\"durability\""));
    node_.services.record_checker = nullptr;
}

TEST_F(HttpApiFixture, RefusesBodiesOfAnotherType) {
    const auto status = [&](std::string target, std::string type) {
        return post(std::move(target), "{\"a\":1}", {{"Content-Type", std::move(type)}}).status;
    };
    EXPECT_EQ(status("/v1/tables/t/records", "text/csv"), 415);
    EXPECT_EQ(status("/v1/tables/t/records", "application/msgpack"), 415);
    EXPECT_EQ(status("/v1/tables/t/records", "application/json; charset=utf-16"), 415);
    EXPECT_THAT(node_.control.log("t").all(), IsEmpty());
    EXPECT_EQ(status("/v1/tables/t/records", "application/x-ndjson"), 200);
    EXPECT_EQ(status("/v1/sql", "application/xml"), 415);
    EXPECT_EQ(post("/v1/sql", "SELECT 1", {{"Content-Type", "application/sql"}}).status, 200);
}

TEST_F(HttpApiFixture, PassesOverAByteOrderMark) {
    EXPECT_EQ(post("/v1/tables/t/records", "\xEF\xBB\xBF{\"a\":1}\n{\"a\":2}").status, 200);
    EXPECT_THAT(node_.control.log("t").all(), ElementsAre("{\"a\":1}", "{\"a\":2}"));
    EXPECT_EQ(post("/v1/tables/t/records", "\xEF\xBB\xBF[1]").status, 400);
}

TEST_F(HttpApiFixture, TellsHowItIs) {
    EXPECT_EQ(get("/healthz").body, "ok\n");
    EXPECT_EQ(get("/readyz").status, 200);
    is_ready_ = false;
    EXPECT_EQ(get("/readyz").status, 503);
    EXPECT_EQ(get("/healthz").status, 200);
    EXPECT_THAT(get("/").body, HasSubstr("/v1/sql"));
    const auto response = get("/");
    EXPECT_EQ(*net::find_header(response.headers, "X-Content-Type-Options"), "nosniff");
    EXPECT_THAT(*net::find_header(response.headers, "Content-Security-Policy"),
                HasSubstr("default-src 'none'"));
}

TEST_F(HttpApiFixture, StopsStatementsOfClientsThatLeave) {
    node_.reader.hold(true);
    auto stream = net::Stream::connect("127.0.0.1", server_->port(), 10'000'000);
    ASSERT_OK(stream);
    ASSERT_OK((*stream)->write_all(
        "POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n"
        "SELECT * FROM v",
        10'000'000));
    node_.reader.wait_for_held();
    stream->reset();
    while (node_.metrics.to_prometheus().find("braid_http_failures_total 1") == std::string::npos) {
        node_.workers.run_until_idle();
    }
    node_.reader.hold(false);
}

TEST(CsvField, IsQuotedWhereItNeedsToBe) {
    const auto field = [](std::string_view text) {
        std::string out;
        append_csv_field(text, out);
        return out;
    };
    EXPECT_EQ(field("plain text"), "plain text");
    EXPECT_EQ(field(""), "\"\"");
    EXPECT_EQ(field("a\nb"), "\"a\nb\"");
    EXPECT_EQ(field("\""), "\"\"\"\"");
}

}  // namespace
}  // namespace braid::serving
