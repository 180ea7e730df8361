#include "common/testing/bad_link.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cerrno>
#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/netlink.h"

namespace fieldgate {
namespace {

using netlink::Message;

constexpr char kChain[] = "lose";

// A table a interface.
Message Nft(int type, int flags, const std::string& interface, uint16_t table_attribute) {
  Message message(static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type),
                  static_cast<uint16_t>(flags));
  message.Append(nfgenmsg{NFPROTO_NETDEV, NFNETLINK_V0, 0});
  message.Text(table_attribute, "fieldgate-" + interface);
  return message;
}

// One expression of a rule.
void Expression(Message& rule, const std::string& name, const std::function<void()>& data) {
  const size_t element = rule.Begin(NFTA_LIST_ELEM | NLA_F_NESTED);
  rule.Text(NFTA_EXPR_NAME, name);
  const size_t inner = rule.Begin(NFTA_EXPR_DATA | NLA_F_NESTED);
  data();
  rule.End(inner);
  rule.End(element);
}

void Compare(Message& rule, nft_cmp_ops op, const void* value, size_t size) {
  Expression(rule, "cmp", [&] {
    rule.BigEndian(NFTA_CMP_SREG, NFT_REG_1);
    rule.BigEndian(NFTA_CMP_OP, op);
    const size_t data = rule.Begin(NFTA_CMP_DATA | NLA_F_NESTED);
    rule.Attribute(NFTA_DATA_VALUE, value, size);
    rule.End(data);
  });
}

}  // namespace

absl::Status LosePackets(const std::string& interface, int percent) {
  const std::string what = absl::StrCat("lose ", percent, " % at ", interface);
  // It is made first, so that there is one to delete.
  std::vector<Message> batch = {Nft(NFT_MSG_NEWTABLE, NLM_F_CREATE, interface, NFTA_TABLE_NAME),
                                Nft(NFT_MSG_DELTABLE, 0, interface, NFTA_TABLE_NAME)};
  if (percent == 0) return netlink::SendBatch(batch, what);
  batch.push_back(Nft(NFT_MSG_NEWTABLE, NLM_F_CREATE, interface, NFTA_TABLE_NAME));

  Message chain = Nft(NFT_MSG_NEWCHAIN, NLM_F_CREATE, interface, NFTA_CHAIN_TABLE);
  chain.Text(NFTA_CHAIN_NAME, kChain);
  const size_t hook = chain.Begin(NFTA_CHAIN_HOOK | NLA_F_NESTED);
  chain.BigEndian(NFTA_HOOK_HOOKNUM, NF_NETDEV_INGRESS);
  chain.BigEndian(NFTA_HOOK_PRIORITY, 0);
  chain.Text(NFTA_HOOK_DEV, interface);
  chain.End(hook);
  chain.Text(NFTA_CHAIN_TYPE, "filter");
  chain.BigEndian(NFTA_CHAIN_POLICY, NF_ACCEPT);
  batch.push_back(chain);

  Message rule = Nft(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, interface, NFTA_RULE_TABLE);
  rule.Text(NFTA_RULE_CHAIN, kChain);
  const size_t expressions = rule.Begin(NFTA_RULE_EXPRESSIONS | NLA_F_NESTED);
  Expression(rule, "meta", [&] {
    rule.BigEndian(NFTA_META_DREG, NFT_REG_1);
    rule.BigEndian(NFTA_META_KEY, NFT_META_PROTOCOL);
  });
  const uint16_t protocol = htons(ETH_P_IP);
  Compare(rule, NFT_CMP_EQ, &protocol, sizeof protocol);
  if (percent < 100) {
    Expression(rule, "numgen", [&] {
      rule.BigEndian(NFTA_NG_DREG, NFT_REG_1);
      rule.BigEndian(NFTA_NG_MODULUS, 100);
      rule.BigEndian(NFTA_NG_TYPE, NFT_NG_RANDOM);
    });
    // Compared byte by byte: below 256, and as this machine writes numbers.
    const auto bound = static_cast<uint32_t>(percent);
    Compare(rule, NFT_CMP_LT, &bound, sizeof bound);
  }
  Expression(rule, "immediate", [&] {
    rule.BigEndian(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    const size_t data = rule.Begin(NFTA_IMMEDIATE_DATA | NLA_F_NESTED);
    const size_t verdict = rule.Begin(NFTA_DATA_VERDICT | NLA_F_NESTED);
    rule.BigEndian(NFTA_VERDICT_CODE, NF_DROP);
    rule.End(verdict);
    rule.End(data);
  });
  rule.End(expressions);
  batch.push_back(rule);
  return netlink::SendBatch(batch, what);
}

absl::Status NarrowLink(const std::string& interface, int bytes_a_second, int queue) {
  Message request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);
  tcmsg header{};
  header.tcm_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  header.tcm_parent = TC_H_ROOT;
  header.tcm_handle = 1 << 16;
  request.Append(header);
  request.Text(TCA_KIND, "tbf");
  const size_t options = request.Begin(TCA_OPTIONS | NLA_F_NESTED);
  tc_tbf_qopt parameters{};
  parameters.rate.rate = static_cast<uint32_t>(bytes_a_second);
  parameters.rate.linklayer = TC_LINKLAYER_ETHERNET;
  parameters.limit = static_cast<uint32_t>(queue);
  request.Attribute(TCA_TBF_PARMS, &parameters, sizeof parameters);
  request.Number(TCA_TBF_BURST, 2000);  // the largest packet
  request.End(options);
  return netlink::Send(request, absl::StrCat("narrow ", interface));
}

}  // namespace fieldgate
