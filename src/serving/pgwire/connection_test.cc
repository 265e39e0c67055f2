// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/connection.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "serving/pgwire/pg_client_test_support.h"
#include "serving/pgwire/pg_server.h"
#include "serving/test_support.h"

namespace braid::serving::pgwire {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Lines = std::vector<std::string>;

class PgFixture : public testing::Test {
  protected:
    void SetUp() override { start(200); }
    void start(uint32_t connections_max) {
        server_.reset();
        auto server = PgServer::start({.name = "pg", .connections_max = connections_max},
                                      node_.services, node_.workers);
        ASSERT_OK(server);
        server_ = *std::move(server);
    }
    PgClient client() {
        PgClient made(server_->port());
        const Lines heard = made.log_in();
        EXPECT_EQ(heard.back(), "Z I");
        return made;
    }
    FakeNode node_;
    std::unique_ptr<PgServer> server_;
};

TEST_F(PgFixture, GreetsAsPostgresDoes) {
    PgClient client(server_->port());
    EXPECT_THAT(
        client.log_in(),
        ElementsAre("R", "S application_name=", "S client_encoding=UTF8", "S DateStyle=ISO, MDY",
                    "S default_transaction_read_only=off", "S in_hot_standby=off",
                    "S integer_datetimes=on", "S IntervalStyle=postgres", "S is_superuser=on",
                    "S server_encoding=UTF8", "S server_version=15.18",
                    "S session_authorization=braid", "S standard_conforming_strings=on",
                    "S TimeZone=UTC", "K", "Z I"));
}

TEST_F(PgFixture, DeclinesEncryption) {
    PgClient client(server_->port());
    EXPECT_EQ(client.raw(word32(8) + word32(80877104)).hear_byte(), 'N');
    EXPECT_EQ(client.raw(word32(8) + word32(80877103)).hear_byte(), 'N');
    EXPECT_EQ(client.log_in().back(), "Z I");
}

TEST_F(PgFixture, EndsConnectionsThatSmugglePlainTextBeforeEncryption) {
    PgClient client(server_->port());
    client.raw(word32(8) + word32(80877103));
    EXPECT_THAT(client.log_in(), IsEmpty());
}

TEST_F(PgFixture, RefusesStrangers) {
    EXPECT_THAT(PgClient(server_->port()).startup({{"user", "eve"}}).hear(),
                ElementsAre("E FATAL 28000 role \"eve\" does not exist"));
    EXPECT_THAT(
        PgClient(server_->port()).startup({{"user", "braid"}, {"database", "other"}}).hear(),
        ElementsAre("E FATAL 3D000 database \"other\" does not exist"));
    EXPECT_THAT(PgClient(server_->port()).startup({{"database", "braid"}}).hear(),
                ElementsAre("E FATAL 28000 no PostgreSQL user name specified in startup packet"));
    EXPECT_THAT(
        PgClient(server_->port()).startup({{"user", "braid"}, {"replication", "true"}}).hear()[0],
        HasSubstr("0A000"));
    EXPECT_THAT(PgClient(server_->port()).startup({}, 2 << 16).hear()[0], HasSubstr("0A000"));
    EXPECT_EQ(PgClient(server_->port()).startup({{"user", "braid"}}).hear().back(), "Z I");
}

TEST_F(PgFixture, TakesSettingsFromTheConnection) {
    PgClient client(server_->port());
    const Lines heard =
        client
            .startup({{"user", "braid"},
                      {"application_name", "test"},
                      {"options", "-c braid.read_mode=final --statement-timeout=5s"}})
            .hear();
    EXPECT_THAT(heard, Contains("S application_name=test"));
    EXPECT_THAT(client.query("SHOW braid.read_mode; SHOW statement_timeout").hear(),
                ElementsAre("T braid.read_mode:25", "D final", "C SHOW", "T statement_timeout:25",
                            "D 5s", "C SHOW", "Z I"));
    EXPECT_THAT(PgClient(server_->port()).startup({{"user", "braid"}, {"nonsense", "1"}}).hear()[0],
                HasSubstr("FATAL 42704"));
}

TEST_F(PgFixture, NegotiatesNewerVersionsDown) {
    PgClient client(server_->port());
    const Lines heard =
        client.startup({{"user", "braid"}, {"_pq_.new", "1"}}, (3 << 16) + 2).hear();
    EXPECT_EQ(heard[0], "v 0 _pq_.new");
    EXPECT_EQ(heard[1], "R");
    EXPECT_EQ(heard.back(), "Z I");
}

TEST_F(PgFixture, RefusesBrokenStartups) {
    for (const std::string& bytes :
         {word32(7) + "abc", word32(0) + "aaaa", word32(0xFFFFFFFF) + "aaaa",
          word32(0x80000000) + "a", word32(10241) + std::string(100, 'x'),
          std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n")}) {
        const Lines heard = PgClient(server_->port()).raw(bytes).hear();
        ASSERT_EQ(heard.size(), 1u);
        EXPECT_THAT(heard[0], HasSubstr("FATAL 08P01"));
    }
    EXPECT_THAT(PgClient(server_->port()).raw(word32(9) + word32(3 << 16) + "x").hear()[0],
                HasSubstr("FATAL 08P01"));
}

TEST_F(PgFixture, AnswersSimpleQueries) {
    PgClient client = this->client();
    EXPECT_THAT(client.query("SELECT 1 AS a, NULL AS b").hear(),
                ElementsAre("T a:23 b:25", "D 1|~", "C SELECT 1", "Z I"));
    EXPECT_THAT(client.query("SELECT * FROM v").hear(),
                ElementsAre("T b:25 n:20", "D one|1", "D two|2", "D \"3\"|3", "C SELECT 3", "Z I"));
    EXPECT_THAT(client.query("").hear(), ElementsAre("I", "Z I"));
    EXPECT_THAT(client.query(" ; ; ").hear(), ElementsAre("I", "Z I"));
    EXPECT_THAT(client.query("SELECT 1; SELECT 2").hear(),
                ElementsAre("T ?column?:23", "D 1", "C SELECT 1", "T ?column?:23", "D 2",
                            "C SELECT 1", "Z I"));
    EXPECT_THAT(client.query("CREATE TABLE n (a int)").hear(),
                ElementsAre("C CREATE TABLE", "Z I"));
    EXPECT_THAT(client.query("CREATE TABLE IF NOT EXISTS n (a int)").hear(),
                ElementsAre("N NOTICE 42P07 relation \"n\" already exists, skipping",
                            "C CREATE TABLE", "Z I"));
    EXPECT_THAT(client.query("COPY t TO STDOUT").hear()[0], HasSubstr("E ERROR 0A000"));
    EXPECT_THAT(client.query("SELECT $1").hear()[0], HasSubstr("42P02"));
}

TEST_F(PgFixture, ReportsErrorsWithTheirPlace) {
    PgClient client = this->client();
    const Lines heard = client.query("SELECT 1; SELECT * FROM nothing; SELECT 2").hear();
    EXPECT_THAT(heard,
                ElementsAre("T ?column?:23", "D 1", "C SELECT 1",
                            "E ERROR 42P01 relation \"nothing\" does not exist [P25]", "Z I"));
    EXPECT_THAT(client.query("SELEC 1").hear(),
                ElementsAre("E ERROR 42601 syntax error at or near \"SELEC\" [P1]", "Z I"));
}

TEST_F(PgFixture, TellsTheStateOfTheTransaction) {
    PgClient client = this->client();
    EXPECT_THAT(client.query("BEGIN").hear(), ElementsAre("C BEGIN", "Z T"));
    EXPECT_THAT(client.query("BEGIN").hear(),
                ElementsAre("N WARNING 25001 there is already a transaction in progress", "C BEGIN",
                            "Z T"));
    EXPECT_EQ(client.query("nonsense").hear().back(), "Z E");
    EXPECT_THAT(client.query("SELECT 1").hear()[0], HasSubstr("25P02"));
    EXPECT_THAT(client.query("COMMIT").hear(), ElementsAre("C ROLLBACK", "Z I"));
}

TEST_F(PgFixture, TellsOfSettingsThatChange) {
    PgClient client = this->client();
    EXPECT_THAT(client.query("SET TimeZone = 'Asia/Tokyo'").hear(),
                ElementsAre("C SET", "S TimeZone=Asia/Tokyo", "Z I"));
    EXPECT_THAT(client.query("SET TimeZone = 'Asia/Tokyo'").hear(), ElementsAre("C SET", "Z I"));
    client.query("BEGIN; SET application_name = 'x'").hear();
    EXPECT_THAT(client.query("ROLLBACK").hear(),
                ElementsAre("C ROLLBACK", "S application_name=", "Z I"));
}

TEST_F(PgFixture, ReportsAFailedStoreInsteadOfCompletion) {
    PgClient client = this->client();
    node_.control.log("t").fail_with(Error(ErrorCode::kIo, "disk gone"));
    EXPECT_THAT(client.query("INSERT INTO t VALUES (1, 'a')").hear(),
                ElementsAre("E ERROR 58030 disk gone", "Z I"));
}

TEST_F(PgFixture, RunsTheExtendedProtocol) {
    PgClient client = this->client();
    EXPECT_THAT(client.parse("", "SELECT b, n FROM v WHERE b = $1")
                    .describe('S', "")
                    .bind("", "", {{"two"}})
                    .describe('P', "")
                    .execute("")
                    .sync()
                    .hear(),
                ElementsAre("1", "t 25", "T b:25 n:20", "2", "T b:25 n:20", "D two|2", "C SELECT 1",
                            "Z I"));
    EXPECT_THAT(client.parse("p", "INSERT INTO t VALUES ($1, $2)").describe('S', "p").sync().hear(),
                ElementsAre("1", "t 23 25", "n", "Z I"));
    EXPECT_THAT(client.bind("", "p", {{"7"}, {std::nullopt}}).execute("").sync().hear(),
                ElementsAre("2", "C INSERT 0 1", "Z I"));
    EXPECT_THAT(node_.control.log("t").all(), ElementsAre("{\"a\":7}"));
}

TEST_F(PgFixture, StoresAPipelineAtItsSync) {
    PgClient client = this->client();
    client.parse("p", "INSERT INTO t VALUES ($1, 'x')");
    for (int i = 0; i < 5; ++i) client.bind("", "p", {{std::to_string(i)}}).execute("");
    const Lines heard = client.flush().hear(11);
    EXPECT_EQ(heard.back(), "C INSERT 0 1");
    EXPECT_THAT(node_.control.log("t").all(), IsEmpty());
    EXPECT_THAT(client.sync().hear(), ElementsAre("Z I"));
    EXPECT_EQ(node_.control.log("t").all().size(), 5u);
    EXPECT_EQ(node_.control.log("t").append_count(), 1u);
}

TEST_F(PgFixture, SkipsToTheSyncAfterAnError) {
    PgClient client = this->client();
    client.parse("p", "INSERT INTO t VALUES ($1, 'x')").bind("", "p", {{"1"}}).execute("");
    client.bind("", "p", {{"no number"}}).execute("").bind("", "p", {{"3"}}).execute("");
    client.query("SELECT 1");
    EXPECT_THAT(
        client.sync().hear(),
        ElementsAre("1", "2", "C INSERT 0 1",
                    "E ERROR 22P02 invalid input syntax for type integer: \"no number\"", "Z I"));
    EXPECT_THAT(node_.control.log("t").all(), IsEmpty());
    EXPECT_THAT(client.query("SELECT 1").hear().size(), 4u);
}

TEST_F(PgFixture, TellsOfAnErrorBeforeTheSync) {
    PgClient client = this->client();
    // Each is what a client waits for before it says anything else.
    EXPECT_THAT(client.parse("", "SELEC 1").hear(1),
                ElementsAre("E ERROR 42601 syntax error at or near \"SELEC\" [P1]"));
    EXPECT_THAT(client.parse("p", "SELECT 1").flush().sync().hear(), ElementsAre("Z I"));
    EXPECT_THAT(client.bind("", "none").flush().hear(1)[0], HasSubstr("26000"));
    EXPECT_THAT(client.sync().hear(), ElementsAre("Z I"));
    EXPECT_THAT(client.parse("", "SELECT $1::int4").bind("", "", {{"x"}}).hear(2),
                ElementsAre("1", "E ERROR 22P02 invalid input syntax for type integer: \"x\""));
    EXPECT_THAT(client.sync().hear(), ElementsAre("Z I"));
    client.message('D', "S");  // a name that does not end
    EXPECT_THAT(client.hear(1)[0], HasSubstr("08P01"));
    EXPECT_THAT(client.sync().hear(), ElementsAre("Z I"));
    node_.reader.fail_with(Error(ErrorCode::kCorrupt, "bad block"));
    EXPECT_THAT(client.parse("", "SELECT b FROM v").bind("", "").execute("").hear(6).back(),
                "E ERROR XX001 bad block");
}

TEST_F(PgFixture, RefusesAPlanWhoseTypesHaveChanged) {
    PgClient client = this->client();
    client.query("CREATE TABLE c (a int4)").hear();
    client.parse("p", "SELECT * FROM c").parse("e", "EXECUTE p").sync().hear();
    client.query("DROP TABLE c; CREATE TABLE c (a float8)").hear();
    const std::string refused = "E ERROR 0A000 cached plan must not change result type";
    for (int i = 0; i < 3; ++i) {
        EXPECT_THAT(client.bind("", "p", {}, {true}).execute("").sync().hear(),
                    ElementsAre(refused, "Z I"));
        EXPECT_THAT(client.describe('S', "p").sync().hear(), ElementsAre(refused, "Z I"));
        EXPECT_EQ(client.query("EXECUTE p").hear()[0], refused);
        EXPECT_EQ(client.bind("", "e").execute("").sync().hear()[1], refused);
    }
    client.close('S', "p").parse("p", "SELECT * FROM c").sync().hear();
    EXPECT_THAT(client.describe('S', "p").sync().hear(), ElementsAre("t", "T a:701", "Z I"));
    // It ran another statement of this name when it was prepared.
    EXPECT_EQ(client.bind("", "e").sync().hear()[0], refused);
}

TEST_F(PgFixture, RefusesAPortalWhoseTypesHaveChanged) {
    PgClient client = this->client();
    client.query("CREATE TABLE c (a int4)").hear();
    EXPECT_THAT(client.parse("p", "SELECT * FROM c").bind("", "p", {}, {true}).flush().hear(2),
                ElementsAre("1", "2"));
    PgClient other = this->client();
    other.query("DROP TABLE c; CREATE TABLE c (a float8)").hear();
    EXPECT_THAT(
        client.describe('P', "").execute("").sync().hear(),
        ElementsAre("T a:23b", "E ERROR 0A000 cached plan must not change result type", "Z I"));
}

TEST_F(PgFixture, SuspendsPortals) {
    PgClient client = this->client();
    EXPECT_THAT(
        client.parse("", "SELECT b FROM v")
            .bind("c", "")
            .execute("c", 2)
            .execute("c", 2)
            .execute("c", 2)
            .sync()
            .hear(),
        ElementsAre("1", "2", "D one", "D two", "s", "D \"3\"", "C SELECT 1", "C SELECT 0", "Z I"));
    // Outside of a block a portal ends with its transaction.
    EXPECT_THAT(client.execute("c").sync().hear()[0],
                HasSubstr("34000 portal \"c\" does not exist"));
    client.query("BEGIN").hear();
    EXPECT_THAT(client.parse("", "SELECT b FROM v").bind("c", "").execute("c", 1).sync().hear(),
                ElementsAre("1", "2", "D one", "s", "Z T"));
    EXPECT_THAT(client.execute("c", 0).sync().hear(),
                ElementsAre("D two", "D \"3\"", "C SELECT 2", "Z T"));
}

TEST_F(PgFixture, RefusesMisusedNames) {
    PgClient client = this->client();
    EXPECT_THAT(client.bind("", "none").sync().hear()[0], HasSubstr("26000"));
    EXPECT_THAT(client.bind("", "").sync().hear()[0], HasSubstr("26000 unnamed"));
    EXPECT_THAT(client.describe('P', "none").sync().hear()[0], HasSubstr("34000"));
    client.parse("p", "SELECT 1").sync().hear();
    EXPECT_THAT(client.parse("p", "SELECT 1").sync().hear()[0], HasSubstr("42P05"));
    EXPECT_THAT(client.bind("c", "p").bind("c", "p").sync().hear()[1], HasSubstr("42P03"));
    EXPECT_THAT(client.bind("", "p", {{"1"}}).sync().hear()[0], HasSubstr("08P01"));
    EXPECT_THAT(client.bind("", "p", {}, {true, false}).sync().hear()[0], HasSubstr("08P01"));
    EXPECT_THAT(client.parse("", "SELECT 1; SELECT 2").sync().hear()[0], HasSubstr("42601"));
    EXPECT_THAT(client.close('S', "p").close('S', "none").sync().hear(),
                ElementsAre("3", "3", "Z I"));
    EXPECT_THAT(client.bind("", "p").sync().hear()[0], HasSubstr("26000"));
}

TEST_F(PgFixture, RunsEmptyStatements) {
    PgClient client = this->client();
    EXPECT_THAT(client.parse("", "")
                    .describe('S', "")
                    .bind("", "")
                    .describe('P', "")
                    .execute("")
                    .sync()
                    .hear(),
                ElementsAre("1", "t", "n", "2", "n", "I", "Z I"));
}

TEST_F(PgFixture, RunsUtilitiesOnce) {
    PgClient client = this->client();
    EXPECT_THAT(client.parse("", "BEGIN").bind("", "").execute("").sync().hear(),
                ElementsAre("1", "2", "C BEGIN", "Z T"));
    EXPECT_THAT(client.parse("", "SET my.own = '1'")
                    .bind("", "")
                    .execute("")
                    .execute("")
                    .sync()
                    .hear()
                    .at(3),
                HasSubstr("55000"));
}

TEST_F(PgFixture, SharesPreparedStatementsWithSql) {
    PgClient client = this->client();
    client.query("PREPARE p AS SELECT n FROM v WHERE b = $1").hear();
    EXPECT_THAT(client.bind("", "p", {{"two"}}).execute("").sync().hear(),
                ElementsAre("2", "D 2", "C SELECT 1", "Z I"));
    client.parse("q", "SELECT 5").sync().hear();
    EXPECT_THAT(client.query("EXECUTE q").hear()[1], "D 5");
    EXPECT_THAT(client.parse("", "EXECUTE q").describe('S', "").sync().hear().at(2),
                "T ?column?:23");
}

TEST_F(PgFixture, SpeaksBinary) {
    PgClient client = this->client();
    EXPECT_THAT(
        client
            .parse("", "SELECT $1::int4, $2::int8, $3::text, $4::float8, $5::bool",
                   {21, 20, 25, 700, 16})
            .describe('S', "")
            .bind("", "",
                  {{word16(0xFFFE), true},
                   {word32(0) + word32(5), true},
                   {"x", true},
                   {word32(0x3FC00000), true},
                   {std::string(1, '\1'), true}},
                  {true})
            .describe('P', "")
            .execute("")
            .sync()
            .hear(),
        ElementsAre("1", "t 21 20 25 700 16", "T int4:23 int8:20 text:25 float8:701 bool:16", "2",
                    "T int4:23b int8:20b text:25b float8:701b bool:16b",
                    "D \\xfffffffe|\\x0000000000000005|x|\\x3ff8000000000000|\\x01", "C SELECT 1",
                    "Z I"));
    EXPECT_THAT(client.bind("", "", {{"x", true}, {"x"}, {"x"}, {"x"}, {"x"}}).sync().hear()[0],
                HasSubstr("22P03"));
}

TEST_F(PgFixture, ChecksTextsForUtf8) {
    PgClient client = this->client();
    EXPECT_THAT(client.query("SELECT '\xff'").hear()[0], HasSubstr("22021"));
    client.parse("p", "SELECT $1::text").sync().hear();
    EXPECT_THAT(client.bind("", "p", {{"\xff"}}).sync().hear()[0], HasSubstr("22021"));
    EXPECT_THAT(client.bind("", "p", {{"\xff", true}}).sync().hear()[0], HasSubstr("22021"));
    EXPECT_THAT(client.bind("", "p", {{std::string(1, '\0')}}).sync().hear()[0],
                HasSubstr("22021"));
}

TEST_F(PgFixture, EndsConnectionsItCannotFollow) {
    const auto fatal = [&](std::string_view bytes) {
        PgClient client = this->client();
        const Lines heard = client.raw(bytes).hear();
        return heard.empty() ? std::string() : heard.back();
    };
    EXPECT_THAT(fatal("!" + word32(4)), HasSubstr("FATAL 08P01"));
    EXPECT_THAT(fatal("Q" + word32(3)), HasSubstr("FATAL 08P01"));
    EXPECT_THAT(fatal("Q" + word32(0)), HasSubstr("FATAL 08P01"));
    EXPECT_THAT(fatal("Q" + word32(0x80000000)), HasSubstr("FATAL 54000"));
    EXPECT_THAT(fatal("Q" + word32(0xFFFFFFFF)), HasSubstr("FATAL 54000"));
    EXPECT_THAT(fatal("Q" + word32((16 << 20) + 1)), HasSubstr("FATAL 54000"));
    EXPECT_THAT(fatal(std::string("Q") + word32(5) + "x"), "Z I");  // only that message was broken
}

TEST_F(PgFixture, EndsSessionsThatAreIdleInATransaction) {
    PgClient client = this->client();
    client.query("SET idle_in_transaction_session_timeout = 1").hear();
    // Outside of a block it does not count: the next one is answered whenever it comes.
    EXPECT_EQ(client.query("SELECT 1").hear().back(), "Z I");
    EXPECT_THAT(client.query("BEGIN").hear(), ElementsAre("C BEGIN", "Z T"));
    EXPECT_THAT(
        client.hear(),
        ElementsAre("E FATAL 25P03 terminating connection due to idle-in-transaction timeout "
                    "[HConnect again and end transactions sooner; SET "
                    "idle_in_transaction_session_timeout to a longer time, or to 0 for none.]"));
    while (server_->connection_count() > 0) node_.workers.run_until_idle();
    // A block that has failed is one too.
    PgClient failed = this->client();
    failed.query("SET idle_in_transaction_session_timeout = 1").hear();
    failed.query("BEGIN; SELECT 1/0").hear();
    EXPECT_THAT(failed.hear().back(), HasSubstr("FATAL 25P03"));
}

TEST_F(PgFixture, EndsIdleSessions) {
    PgClient client = this->client();
    client.query("SET idle_session_timeout = 1").hear();
    EXPECT_THAT(client.hear(),
                ElementsAre("E FATAL 57P05 terminating connection due to idle-session timeout "
                            "[HConnect again; SET idle_session_timeout to a longer time, or to 0 "
                            "for none.]"));
    // A block has a limit of its own, and what stands before a Sync is not idle.
    PgClient other = this->client();
    other.query("BEGIN; SET LOCAL idle_session_timeout = 1").hear();
    EXPECT_EQ(other.query("SELECT 1").hear().back(), "Z T");
}

TEST_F(PgFixture, CancelsByKey) {
    PgClient client = this->client();
    node_.reader.hold(true);
    client.query("SELECT * FROM v").send();
    node_.reader.wait_for_held();
    PgClient wrong(server_->port());
    wrong.raw(word32(16) + word32(80877102) + word32(client.process()) +
              word32(client.secret() + 1));
    EXPECT_THAT(wrong.hear(), IsEmpty());
    PgClient right(server_->port());
    right.raw(word32(16) + word32(80877102) + word32(client.process()) + word32(client.secret()));
    EXPECT_THAT(right.hear(), IsEmpty());
    EXPECT_THAT(
        client.hear(),
        ElementsAre("T b:25 n:20", "E ERROR 57014 canceling statement due to user request", "Z I"));
    node_.reader.hold(false);
    EXPECT_EQ(client.query("SELECT 1").hear().back(), "Z I");
}

TEST_F(PgFixture, StopsStatementsOfClientsThatLeave) {
    auto client = std::make_unique<PgClient>(this->client());
    node_.reader.hold(true);
    client->query("SELECT * FROM v").send();
    node_.reader.wait_for_held();
    client.reset();
    while (server_->connection_count() > 0) node_.workers.run_until_idle();
    node_.reader.hold(false);
}

TEST_F(PgFixture, SaysThatThereAreTooMany) {
    start(1);
    PgClient first = client();
    EXPECT_THAT(PgClient(server_->port()).startup({{"user", "braid"}}).hear(),
                ElementsAre("E FATAL 53300 sorry, too many clients already "
                            "[HClose connections, or raise connections.max or "
                            "connections.address_max.]"));
    EXPECT_EQ(first.query("SELECT 1").hear().back(), "Z I");
    EXPECT_THAT(node_.metrics.to_prometheus(),
                HasSubstr("braid_pg_errors_total{sqlstate=\"53300\"} 1\n"));
}

TEST_F(PgFixture, StopsWhileStatementsRun) {
    PgClient client = this->client();
    node_.reader.hold(true);
    client.query("SELECT * FROM v").send();
    node_.reader.wait_for_held();
    server_->stop();
    EXPECT_EQ(server_->connection_count(), 0u);
}

TEST_F(PgFixture, SendsManyRows) {
    ColumnBuilder text(Type::of(TypeKind::kText));
    ColumnBuilder number(Type::of(TypeKind::kInt8));
    for (int i = 0; i < 1000; ++i) {
        text.append_text(std::string(300, 'x'));
        number.append_int8(i);
    }
    const Batch batch{.length = 1000, .columns = {text.finish(), number.finish()}};
    node_.reader.rows("v", std::vector<Batch>(3, batch));
    PgClient client = this->client();
    const Lines heard = client.query("SELECT * FROM v").hear();
    EXPECT_EQ(heard.size(), 3000u + 3);
    EXPECT_EQ(heard[heard.size() - 2], "C SELECT 3000");
    node_.reader.fail_with(Error(ErrorCode::kCorrupt, "bad block"));
    const Lines broken = client.query("SELECT * FROM v").hear();
    EXPECT_EQ(broken.size(), 1000u + 3);
    EXPECT_EQ(broken[broken.size() - 2], "E ERROR XX001 bad block");
}

/// Who sends much where clients hold all that they may is refused, and goes on.
TEST_F(PgFixture, HasOnlySoMuchMemoryForMessages) {
    MemoryShare share("clients", 3 << 20, node_.metrics);
    node_.services.clients = &share;
    start(200);
    {
        PgClient client = this->client();
        const std::string fits(1 << 20, 'x');
        const Lines heard = client.parse("", "INSERT INTO t VALUES (1, $1)")
                                .bind("", "", {{.bytes = fits.substr(0, 1'000'000)}})
                                .execute("")
                                .sync()
                                .hear();
        EXPECT_THAT(heard, testing::Contains("C INSERT 0 1"));
        const Lines refused = client.parse("", "SELECT 1")
                                  .bind("", "", {{.bytes = std::string(8 << 20, 'x')}})
                                  .execute("")
                                  .sync()
                                  .hear();
        EXPECT_THAT(refused,
                    ElementsAre("1", testing::StartsWith("E ERROR 53200 out of memory"), "Z I"));
        EXPECT_THAT(client.query("SELECT '" + std::string(7 << 20, 'x') + "'").hear(),
                    ElementsAre(testing::StartsWith("E ERROR 53200 out of memory"), "Z I"));
        // Small ones need nobody's leave.
        MemoryClaim other(&share);
        ASSERT_TRUE(other.hold(share.bytes_max() - share.bytes()));
        EXPECT_THAT(client.query("SELECT 1").hear(), testing::Contains("C SELECT 1"));
        EXPECT_THAT(
            client.parse("", "SELECT $1::text").bind("", "", {{.bytes = "x"}}).sync().hear(),
            ElementsAre("1", testing::StartsWith("E ERROR 53200 out of memory"), "Z I"));
    }
    server_.reset();
    EXPECT_EQ(share.bytes(), 0U);
}

/// Portals that wait hold memory, each.
TEST_F(PgFixture, HasOnlySoMuchMemoryForPortals) {
    MemoryShare share("clients", 600 * 1024, node_.metrics);
    node_.services.clients = &share;
    start(200);
    PgClient client = this->client();
    client.query("BEGIN").hear();
    client.parse("s", "SELECT * FROM v");
    for (const char* name : {"a", "b", "c"}) client.bind(name, "s").execute(name, 1);
    const Lines heard = client.sync().hear();
    EXPECT_EQ(std::ranges::count(heard, "s"), 2);
    EXPECT_THAT(heard, testing::Contains(testing::StartsWith("E ERROR 53200 out of memory")));
    EXPECT_EQ(heard.back(), "Z E");
    client.query("ROLLBACK").hear();
    server_.reset();
    EXPECT_EQ(share.bytes(), 0U);
}

TEST_F(PgFixture, IgnoresCopyDataNobodyAskedFor) {
    PgClient client = this->client();
    EXPECT_THAT(client.message('d', "x").message('c', "").query("SELECT 1").hear().size(), 4u);
    EXPECT_THAT(client.message('F', "x").sync().hear()[0], HasSubstr("0A000"));
    EXPECT_THAT(client.message('p', std::string("x\0", 2)).sync().hear()[0], HasSubstr("08P01"));
    client.message('X', "");
    EXPECT_THAT(client.hear(), IsEmpty());
}

}  // namespace
}  // namespace braid::serving::pgwire
