#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "passes/schedule/contract/blocks.h"

// The blocks of a contraction as the numbers of a choice: what follows from others is left out.
namespace sinter::passes {
namespace {

constexpr int64_t kStep = 16;  // blocks of k are made of

// Of the sizes that are decided, how many of each there are.
void count(ContractBlocks& b, const ContractProblem& p) {
  b.tiles = ceil_div(p.m, b.rows);
  b.taller = p.m - b.tiles * (b.rows - 1);
  b.panels = ceil_div(p.n, b.width);
}

// Lanes of the last panel, where it is narrower than others.
int64_t last_lanes(const ContractBlocks& b, const ContractProblem& p, int64_t vector) {
  int64_t lanes = std::min(vector, b.width);
  while (lanes < p.n % b.width) lanes *= 2;
  return lanes;
}

int64_t local_elements(const ContractBlocks& b) {
  const int64_t rows = b.tiles_a_unit() * b.rows, columns = b.panels_a_unit() * b.width;
  return b.rows * b.width * (b.is_short ? 2 : 1) + (b.pack_lhs ? b.group * b.rows * b.k_block : 0) +
         (b.pack_rhs ? columns * b.k_block : 0) + (b.k_blocks > 1 ? rows * columns : 0);
}

}  // namespace

Numbers numbers_of(const ContractBlocks& b) {
  Numbers numbers = {{"rows", {b.rows}}, {"width", {b.width}}};
  if (b.k_blocks > 1) numbers.push_back({"k", {b.k_block}});
  if (b.group < b.tiles_a_unit()) numbers.push_back({"group", {b.group}});
  numbers.push_back({"runs", {b.tile_runs, b.panel_runs}});
  numbers.push_back({"unroll", {b.unroll}});
  const auto add = [&](const char* name, bool holds, std::vector<int64_t> values = {}) {
    if (holds) numbers.push_back({name, std::move(values)});
  };
  add("pack_lhs", b.pack_lhs);
  add("turn_lhs", b.turn_lhs);
  add("pack_rhs", b.pack_rhs);
  add("fetch_lhs", b.fetch_lhs);
  add("fetch_rhs", b.fetch_rhs);
  add("fetch_above", b.fetch_above > 0, {b.fetch_above});
  add("finish", b.finish_vectors > 0, {b.finish_vectors});
  add("short", b.is_short);
  return numbers;
}

ContractBlocks read_blocks(const ContractProblem& p, const loop::Target& target, bool are_dots,
                           ChoiceReader& read) {
  const bool has_threads = !target.has_workgroups();
  const int64_t vector = target.lanes(p.element_bytes);
  ContractBlocks b;
  b.are_dots = are_dots;
  b.rows = read.number("rows", 1, p.m);
  b.width = read.number("width", 1, kMostVectors * vector);
  count(b, p);
  read.require(b.taller > 0,
               fmt::format("{} tiles of {} rows are {} rows each", b.tiles, p.m, ceil_div(p.m, b.tiles)));
  read.require(!has_threads || std::has_single_bit(static_cast<uint64_t>(b.width)),
               "width is a power of two");
  read.require(last_lanes(b, p, vector) <= b.width, "the last columns do not fit the width");
  b.k_block = are_dots ? p.k : read.number_or("k", p.k, 1, kMostOfUnit);
  b.k_blocks = p.k == 0 ? 1 : ceil_div(p.k, b.k_block);
  read.require(b.k_blocks == 1 || b.k_block % std::max(kStep, vector) == 0,
               fmt::format("k is a multiple of {}", std::max(kStep, vector)));
  const auto runs = read.list("runs", 1, kMostOfUnit);
  read.require(runs.size() == 2, "runs is how many there are of tiles, and of panels");
  b.tile_runs = runs[0];
  b.panel_runs = runs[1];
  read.require(b.tile_runs <= b.tiles && b.panel_runs <= b.panels,
               fmt::format("there are {} tiles and {} panels", b.tiles, b.panels));
  b.group = are_dots ? b.tiles_a_unit() : read.number_or("group", b.tiles_a_unit(), 1, b.tiles_a_unit());
  b.unroll = read.number("unroll", 1, kStep);
  read.require(kStep % b.unroll == 0, fmt::format("unroll divides {}", kStep));
  if (are_dots) {
    const auto is_along = [](const ContractProblem::Operand& x) { return x.is_direct && x.along_k; };
    read.require(has_threads && is_along(p.lhs) && is_along(p.rhs), "the operands do not lie along k");
  } else {
    b.pack_lhs = read.flag("pack_lhs");
    b.turn_lhs = read.flag("turn_lhs");
    read.require(!b.turn_lhs || (b.pack_lhs && p.lhs.along_k && b.rows <= vector),
                 "what is turned is packed, lies along k, and has no more rows than a vector has lanes");
    b.pack_rhs = read.flag("pack_rhs");
    b.fetch_lhs = read.flag("fetch_lhs");
    b.fetch_rhs = read.flag("fetch_rhs");
    read.require((!b.fetch_lhs || (b.pack_lhs && p.lhs.is_direct)) &&
                     (!b.fetch_rhs || (b.pack_rhs && p.rhs.is_direct)),
                 "what is fetched is packed, and loaded as it is");
  }
  if (has_threads) {
    b.fetch_above = read.number_or("fetch_above", 0, 1, kMostOfUnit);
    b.finish_vectors = read.number_or("finish", 0, 1, kStep);
    const int64_t registers = b.rows * (are_dots ? b.width : ceil_div(b.width, vector));
    read.require(registers <= target.vector_registers,
                 fmt::format("the tile takes {} vector registers, the machine has {}", registers,
                             target.vector_registers));
  } else {
    b.is_short = read.flag("short");
    const int64_t bytes = local_elements(b) * p.element_bytes;
    read.require(
        bytes <= target.local_bytes,
        fmt::format("a lane takes {} bytes of memory, the machine has {}", bytes, target.local_bytes));
  }
  return b;
}

}  // namespace sinter::passes
