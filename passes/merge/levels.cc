#include "passes/merge/levels.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

// A cluster, or an op that is no kernel.
struct Node {
  std::vector<size_t> needs, needed_by;
  std::optional<size_t> cluster;
  bool is_last = false;
  int64_t launches = 0;
  int64_t depth = 0;  // launches up to it, and with it
  int64_t level = 0;
};

std::vector<Node> nodes_of(const graph::Function& function, const std::vector<std::vector<Op*>>& clusters) {
  std::vector<Node> nodes(clusters.size());
  std::unordered_map<const Op*, size_t> node_of;
  for (size_t i = 0; i < clusters.size(); ++i) {
    nodes[i].cluster = i;
    nodes[i].launches = 1;
    for (const Op* op : clusters[i]) node_of[op] = i;
  }
  for (const auto& op : function.ops()) {
    const size_t number = node_of.emplace(op.get(), nodes.size()).first->second;
    const bool takes_time = op->code == OpCode::scan || op->kind() == graph::OpKind::collective;
    if (number == nodes.size()) nodes.push_back({.launches = takes_time ? 1 : 0});
    for (Value operand : op->operands) {
      const size_t needed = node_of.at(operand.op);
      nodes[number].needs.push_back(needed);
      nodes[needed].needed_by.push_back(number);
    }
  }
  return nodes;
}

std::vector<size_t> in_order(const std::vector<Node>& nodes) {
  std::vector<size_t> order, waits_for;
  for (size_t i = 0; i < nodes.size(); ++i) {
    waits_for.push_back(nodes[i].needs.size());
    if (waits_for.back() == 0) order.push_back(i);
  }
  for (size_t next = 0; next < order.size(); ++next) {
    for (const size_t then : nodes[order[next]].needed_by) {
      if (--waits_for[then] == 0) order.push_back(then);
    }
  }
  return order;
}

}  // namespace

void place_by_levels(const graph::Function& function, const std::vector<std::vector<Op*>>& clusters,
                     const IsLast& is_last, const PlaceCluster& place) {
  std::vector<Node> nodes = nodes_of(function, clusters);
  const std::vector<size_t> order = in_order(nodes);
  int64_t levels = 0;
  for (const size_t number : order) {
    Node& node = nodes[number];
    for (const size_t needed : node.needs) node.depth = std::max(node.depth, nodes[needed].depth);
    node.depth += node.launches;
    levels = std::max(levels, node.depth);
  }
  for (Node& node : nodes) node.is_last = node.cluster && node.needed_by.empty() && is_last(*node.cluster);
  for (auto number = order.rbegin(); number != order.rend(); ++number) {
    Node& node = nodes[*number];
    for (const size_t user : node.needed_by) node.level = std::max(node.level, nodes[user].level);
    node.level += node.launches;
    if (node.cluster && !node.is_last) node.level = place(*node.cluster, node.level, levels - node.depth + 1);
  }
  // The highest level that what needs a node may have.
  std::vector<int64_t> below(nodes.size(), levels);
  for (const size_t number : order) {
    const Node& node = nodes[number];
    for (const size_t needed : node.needs) below[number] = std::min(below[number], below[needed]);
    if (node.is_last) place(*node.cluster, node.level, below[number]);
    if (node.launches > 0) below[number] = node.level - 1;
  }
}

}  // namespace sinter::passes
