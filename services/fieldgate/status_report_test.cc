#include "services/fieldgate/status_report.h"

#include <gmock/gmock.h>

namespace fieldgate::commands {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

ServiceHealth Up(const std::string& name, pid_t pid) {
  return {.name = name, .up = true, .pid = pid, .error = ""};
}

GatewayStatus Healthy() {
  GatewayStatus status;
  status.services = {Up("config_store", 11), Up("process_data", 12), Up("cloud_link", 13)};
  auto& connector = *status.cloud_link.emplace().add_connectors();
  connector.set_name("CloudConn");
  connector.set_state(cloud_link::v1::RUNNING);
  connector.set_connection_type("mqtt:broker:1883");
  connector.set_connection_state_msg("connected");
  connector.set_last_send_at(1'699'999'997);
  connector.set_broker_version("1.0.0");
  connector.set_messages_waiting(2);
  connector.set_bytes_waiting(300);
  connector.set_messages_acknowledged(40);
  connector.set_next_message_id(43);
  connector.set_on_probation(true);
  auto& log = *connector.add_logs();
  log.set_log("Energy");
  log.set_sent_id(17);
  status.process_data.emplace().set_mode("Run");
  auto& device = *status.process_data->add_devices();
  device.set_path("/Process/Bus1/Device1");
  device.set_ok(true);
  device.set_polls(7);
  device.set_last_ok_at_us(1'699'999'999'500'000);
  return status;
}

TEST(StatusReportTest, TextOfAHealthyGateway) {
  EXPECT_EQ(StatusText(Healthy(), kNow),
            "config_store  up  pid 11\n"
            "process_data  up  pid 12\n"
            "cloud_link    up  pid 13\n"
            "\n"
            "Connector CloudConn\n"
            "  state           running\n"
            "  broker          mqtt:broker:1883, connected\n"
            "  last send       2023-11-14T22:13:17.000Z (3.0 s ago)\n"
            "  waiting         2 messages, 300 bytes\n"
            "  since start     40 acknowledged, 0 dropped, 0 reconnects, 0 incoming ignored\n"
            "  portal version  1.0.0\n"
            "  log Energy      taken up to record 17\n"
            "\n"
            "Mode Run\n"
            "\n"
            "Device                 Polls  Failed  Missed  State\n"
            "/Process/Bus1/Device1  7      0       0       ok\n");
}

TEST(StatusReportTest, ARouteIsShown) {
  GatewayStatus status = Healthy();
  status.cloud_link->mutable_connectors(0)->set_route("MODEM (wwan0)");
  EXPECT_THAT(StatusText(status, kNow), HasSubstr("connected\n  route           MODEM (wwan0)\n"));
  EXPECT_THAT(StatusJson(status), HasSubstr(R"j("route":"MODEM (wwan0)")j"));
}

TEST(StatusReportTest, DownServiceIsShownAndTheRestStays) {
  GatewayStatus status = Healthy();
  status.services[2] = {.name = "cloud_link", .up = false, .pid = 0, .error = "not running"};
  status.cloud_link.reset();
  const std::string text = StatusText(status, kNow);
  EXPECT_THAT(text, HasSubstr("cloud_link    down          not running\n"));
  EXPECT_THAT(text, HasSubstr("Mode Run"));
  EXPECT_THAT(text, Not(HasSubstr("Connector")));
}

TEST(StatusReportTest, FailedDeviceSaysWhyAndSinceWhen) {
  GatewayStatus status = Healthy();
  auto& device = *status.process_data->mutable_devices(0);
  device.set_ok(false);
  device.set_error("timeout after 500 ms");
  device.set_last_ok_at_us(1'699'999'400'000'000);
  EXPECT_THAT(StatusText(status, kNow), HasSubstr("timeout after 500 ms, answered 10 min ago\n"));
  device.set_last_ok_at_us(0);
  EXPECT_THAT(StatusText(status, kNow), HasSubstr("timeout after 500 ms, never answered\n"));
}

TEST(StatusReportTest, ConnectorThatWaitsSaysWhy) {
  GatewayStatus status = Healthy();
  auto& connector = *status.cloud_link->mutable_connectors(0);
  connector.set_state(cloud_link::v1::WAIT_ROLLOUT_RESULT);
  connector.set_detail("portal answered 404\x1b[2J");
  connector.set_last_send_at(0);
  const std::string text = StatusText(status, kNow);
  EXPECT_THAT(text, HasSubstr("wait_rollout_result: portal answered 404\\x1b[2J\n"));
  EXPECT_THAT(text, HasSubstr("last send       never\n"));
}

TEST(StatusReportTest, GatewayWithoutConnectorSaysSo) {
  GatewayStatus status = Healthy();
  status.cloud_link->clear_connectors();
  EXPECT_THAT(StatusText(status, kNow), HasSubstr("No connector is configured.\n"));
}

TEST(StatusReportTest, EventsShowTheirStateAndWhyTheyFailed) {
  GatewayStatus status = Healthy();
  auto& event = *status.cloud_link->add_events();
  event.set_name("TempHigh");
  event.set_active(true);
  event.set_executions(3);
  event.set_last_at(1'699'999'400);
  event.set_error("no \x1b value");
  status.cloud_link->add_events()->set_name("DoorOpen");
  EXPECT_THAT(StatusText(status, kNow),
              HasSubstr("\n\nEvent     Active  Executions  Last                                   "
                        "Error\n"
                        "TempHigh  yes     3           2023-11-14T22:03:20.000Z (10 min ago)  "
                        "no \\x1b value\n"
                        "DoorOpen  no      0           never"));
  EXPECT_THAT(StatusJson(status),
              HasSubstr(R"("events":[{"name":"TempHigh","active":true,"executions":3,)"
                        R"("last":"2023-11-14T22:03:20.000Z","error":"no \u001b value"},)"
                        R"({"name":"DoorOpen","active":false,"executions":0,"last":null,)"
                        R"("error":""}])"));
}

TEST(StatusReportTest, DamagedDatabasesAreShown) {
  GatewayStatus status = Healthy();
  service::v1::Recovery& recovery = status.recoveries.emplace_back();
  recovery.set_file("cloud_link.db");
  recovery.set_put_aside("cloud_link.db.damaged-20231114T220320Z");
  recovery.set_at(1'699'999'400);
  recovery.set_why("page \x1b zeroed");
  recovery.set_rows_saved(12);
  recovery.set_rows_lost(3);
  recovery.set_effect("ids go on at 10001");
  EXPECT_THAT(StatusText(status, kNow),
              HasSubstr("\nDamaged databases\n"
                        "  file       cloud_link.db, 2023-11-14T22:03:20.000Z (10 min ago)\n"
                        "  damage     page \\x1b zeroed\n"
                        "  put aside  cloud_link.db.damaged-20231114T220320Z\n"
                        "  rows       12 saved, 3 known to be lost\n"
                        "  effect     ids go on at 10001\n"));
  EXPECT_THAT(StatusJson(status),
              HasSubstr(R"("recoveries":[{"file":"cloud_link.db",)"
                        R"("put_aside":"cloud_link.db.damaged-20231114T220320Z",)"
                        R"("at":"2023-11-14T22:03:20.000Z","why":"page \u001b zeroed",)"
                        R"("rows_saved":12,"rows_lost":3,"effect":"ids go on at 10001"}])"));
}

TEST(StatusReportTest, OfAMissingDatabaseNothingWasPutAside) {
  GatewayStatus status = Healthy();
  status.recoveries.emplace_back().set_file("config.db");
  EXPECT_THAT(StatusText(status, kNow), HasSubstr("  put aside  nothing: it was missing\n"));
}

TEST(StatusReportTest, JsonHasAllKeys) {
  EXPECT_EQ(StatusJson(Healthy()),
            R"({"services":[{"name":"config_store","up":true,"pid":11,"error":""},)"
            R"({"name":"process_data","up":true,"pid":12,"error":""},)"
            R"({"name":"cloud_link","up":true,"pid":13,"error":""}],)"
            R"("mode":"Run",)"
            R"("connectors":[{"name":"CloudConn","state":"running","detail":"",)"
            R"("broker":"mqtt:broker:1883","connection":"connected","route":"",)"
            R"("broker_version":"1.0.0",)"
            R"("last_send":"2023-11-14T22:13:17.000Z","messages_waiting":2,"bytes_waiting":300,)"
            R"("messages_acknowledged":40,"messages_dropped":0,"inbound_ignored":0,"reconnects":0,)"
            R"("next_message_id":43,"logs":[{"log":"Energy","sent_id":17}],"data_bytes":0,)"
            R"("bytes_limit":0,"messages_in_memory":0,"disk_low":false,"disk_error":"",)"
            R"("losses":[],"on_probation":true}],)"
            R"("events":[],)"
            R"("devices":[{"path":"/Process/Bus1/Device1","ok":true,"error":"","polls":7,)"
            R"("failed_polls":0,"missed_cycles":0,"last_ok":"2023-11-14T22:13:19.500Z"}],)"
            R"("recoveries":[]})");
}

TEST(StatusReportTest, JsonOfADeadGatewayKeepsItsKeys) {
  GatewayStatus status;
  status.services = {{.name = "config_store", .up = false, .pid = 0, .error = "not running"}};
  EXPECT_EQ(StatusJson(status),
            R"({"services":[{"name":"config_store","up":false,"pid":null,"error":"not running"}],)"
            R"("mode":null,"connectors":null,"events":null,"devices":null,"recoveries":[]})");
}

TEST(StatusReportTest, TimesThatNeverWereAreNull) {
  GatewayStatus status = Healthy();
  status.cloud_link->mutable_connectors(0)->set_last_send_at(0);
  status.process_data->mutable_devices(0)->set_last_ok_at_us(0);
  const std::string json = StatusJson(status);
  EXPECT_THAT(json, HasSubstr(R"("last_send":null)"));
  EXPECT_THAT(json, HasSubstr(R"("last_ok":null)"));
}

TEST(StatusReportTest, AllUpNeedsEveryServiceAndItsAnswer) {
  EXPECT_TRUE(AllUp(Healthy()));
  GatewayStatus status = Healthy();
  status.services[0].up = false;
  EXPECT_FALSE(AllUp(status));
  status = Healthy();
  status.process_data.reset();
  EXPECT_FALSE(AllUp(status));
}

}  // namespace
}  // namespace fieldgate::commands
