// config.db: revisions, identities, probations and the logs of messages.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/time/clock.h"
#include "common/tixml/codec.h"
#include "services/config_store/configuration_store.h"
#include "tests/fault/writer.h"

namespace fieldgate::fault {
namespace {

using config_store::ConfigurationStore;
namespace v1 = config_store::v1;

constexpr const char* kMessageLogs[] = {"SupportLog", "Event"};

// An ISP that is valid with any number.
std::string Isp(uint64_t number) {
  return absl::StrCat(R"(<CloudConn><CloudBaseUrl _="tcp://broker)", number, R"("/>)",
                      R"(<CloudConnStart _="1"/><CloudConnType _="FPIL_Tixi_MQTT_1"/>)",
                      R"(<username _="u"/><password _="secret"/><RTSendTime1 _="10"/>)",
                      R"(<Realtime1><P _="/Process/B/D/P"/></Realtime1></CloudConn>)");
}

std::string ProcCfg(uint64_t points) {
  std::string text = R"(<External><B protocol="Simulated"><D>)";
  for (uint64_t i = 0; i < points; ++i) absl::StrAppend(&text, "<P", i, "/>");
  return text + "<P/></D></B></External>";
}

class ConfigWriter : public Writer {
 public:
  explicit ConfigWriter(std::string path) : path_(std::move(path)) {
    device_.set_serial_number("01234567");
    device_.set_product_name("WT640");
  }

  absl::Status Open(sqlite::Disk& disk) override {
    Close();
    disk_ = &disk;
    auto store = ConfigurationStore::Open(path_, device_, clock_, disk_);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    return absl::OkStatus();
  }

  absl::Status Step(SeededChances& chances) override {
    if (store_ == nullptr) {
      if (absl::Status status = Open(*disk_); !status.ok()) return status;
    }
    const uint64_t number = chances.Below(100);
    switch (chances.Below(12)) {
      case 0:
        return Set("ISP", Isp(number), "");
      case 1:  // begins a probation if it moves the connector
        return Set("ISP", Isp(number), "CloudConn");
      case 2:
        return Set("PROCCFG", ProcCfg(number * 10), "");
      case 3:
        return Set("ISP/CloudConn", absl::StrCat("<RTSendTime1 _=\"", number + 1, "\"/>"), "");
      case 4:
        return Set("MY_OWN", absl::StrCat("<A k=\"", std::string(number * 300, 'x'), "\"/>"), "");
      case 5:
      case 6: {
        v1::Identity identity;
        identity.set_gateway_id(absl::StrCat("gateway-", number));
        identity.set_customer_id("customer");
        return store_->SaveIdentity(number % 2 == 0 ? "CloudConn" : "CloudConn2", identity);
      }
      case 7:
        if (number > 30) break;
        return store_->DeleteIdentities();
      case 8: {
        if (store_->Current()->revision() == 0) break;
        const auto revisions = store_->ListRevisions();
        if (!revisions.ok()) return revisions.status();
        return Answered(
            store_->Rollback((*revisions)[number % revisions->size()].revision(), "people"));
      }
      case 9:
        if (number > 20) break;
        return FactoryReset(number);
      case 10:
        return store_->ConfirmConfiguration("CloudConn", store_->Current()->revision());
      case 11:
        if (!restarts_) break;
        return Open(*disk_);
      default:
        break;
    }
    v1::SupportLogEntry entry;
    entry.set_log(kMessageLogs[number % 2]);
    entry.set_source("test");
    entry.set_message(absl::StrCat("message ", number));
    return store_->AppendMessage(entry);
  }

  absl::StatusOr<std::string> Content() override {
    std::string text = store_->Current()->SerializeAsString();
    if (store_->Current()->revision() != expected_.revision && expected_.revision != 0) {
      return absl::DataLossError(absl::StrCat("the revision is ", store_->Current()->revision(),
                                              ", not ", expected_.revision));
    }
    if (store_->Current()->revision() > 0) {
      const auto databases = store_->GetConfig("");
      if (!databases.ok()) return databases.status();
      for (const auto& node : databases->nodes) text += tixml::WriteElement(node);
    }
    const auto revisions = store_->ListRevisions();
    if (!revisions.ok()) return revisions.status();
    for (const auto& revision : *revisions) text += revision.ShortDebugString() + "\n";
    for (const char* log : kMessageLogs) {
      const auto messages = store_->ListMessages(log, 1000);
      if (!messages.ok()) return messages.status();
      text += messages->ShortDebugString() + "\n";
    }
    return text;
  }

  bool is_open() const override { return store_ != nullptr; }

  void Close() override {
    store_ = nullptr;
    expected_ = {};
  }

 private:
  absl::Status Answered(const absl::StatusOr<v1::SetConfigResponse>& response) {
    if (!response.ok()) return response.status();
    // Refused: nothing is changed.
    if (!response->applied()) return absl::OkStatus();
    expected_.revision = response->revision();
    return absl::OkStatus();
  }

  absl::Status Set(const std::string& database, const std::string& elements,
                   const std::string& connector) {
    const auto parsed = tixml::Parse(elements);
    if (!parsed.ok()) return parsed.status();
    return Answered(store_->SetConfig(database, parsed->nodes, "people", connector));
  }

  absl::Status FactoryReset(uint64_t number) {
    const auto commands =
        tixml::Parse(absl::StrCat("[<SetConfig _=\"ISP\">", Isp(number), "</SetConfig>]"));
    if (!commands.ok()) return commands.status();
    return Answered(store_->FactoryReset(commands->nodes, "people", "", /*check_only=*/false));
  }

  const std::string path_;
  v1::Device device_;
  FakeClock clock_;
  sqlite::Disk* disk_ = nullptr;
  std::unique_ptr<ConfigurationStore> store_;
  struct {
    int64_t revision = 0;  // 0: as it was opened
  } expected_;
};

}  // namespace

std::unique_ptr<Writer> MakeConfigWriter(std::string path) {
  return std::make_unique<ConfigWriter>(std::move(path));
}

}  // namespace fieldgate::fault
