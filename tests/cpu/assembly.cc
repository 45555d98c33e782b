#include "tests/cpu/assembly.h"

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>
#include <span>
#include <utility>

namespace sinter::cpu::test {
namespace {

struct Instruction {
  std::string line, opcode;
  std::vector<std::string> operands;  // where it goes, last
};

bool is_memory(const std::string& operand) {
  return operand.find('(') != std::string::npos;
}

Instruction parse(std::string line) {
  Instruction result{std::move(line), {}, {}};
  const std::string& text = result.line;
  const size_t begin = text.find_first_not_of('\t'), end = text.find('\t', begin);
  result.opcode = text.substr(begin, end - begin);
  if (end == std::string::npos) return result;
  std::string operand;
  int depth = 0;
  for (const char c : text.substr(end + 1)) {
    depth += (c == '(') - (c == ')');
    if (c == ',' && depth == 0) {
      result.operands.push_back(std::exchange(operand, ""));
    } else if (c != ' ') {
      operand += c;
    }
  }
  result.operands.push_back(operand);
  return result;
}

std::vector<Instruction> instructions_of(std::string_view assembly) {
  std::vector<Instruction> result;
  for (size_t begin = 0; begin < assembly.size();) {
    const size_t end = std::min(assembly.find('\n', begin), assembly.size());
    if (end > begin) result.push_back(parse(std::string(assembly.substr(begin, end - begin))));
    begin = end + 1;
  }
  return result;
}

// `frame`: whether rbp points into the stack.
InnermostLoop counted(std::span<const Instruction> instructions, bool frame) {
  static const std::regex slot(R"(-?\d*\(%rsp\))"), frame_slot(R"(-?\d*\(%rbp\))");
  InnermostLoop loop;
  std::set<std::string> sums;
  for (const Instruction& at : instructions) {
    loop.text += at.line + "\n";
    const bool is_z = at.line.find("%zmm") != std::string::npos,
               is_y = at.line.find("%ymm") != std::string::npos,
               is_vector = is_z || is_y || at.line.find("%xmm") != std::string::npos;
    if (!is_vector) continue;
    (is_z ? loop.zmm : is_y ? loop.ymm : loop.xmm) += 1;
    loop.is_masked = loop.is_masked || at.line.find("{%k") != std::string::npos;
    const bool is_fused = at.opcode.starts_with("vfmadd");
    if ((is_fused && at.opcode.ends_with("ps")) || at.opcode == "mulps") {
      ++loop.products;
      loop.narrowest_product = std::min<int64_t>(loop.narrowest_product, is_z ? 64 : is_y ? 32 : 16);
    }
    if (at.opcode.starts_with("vfmadd231") || at.opcode == "addps") sums.insert(at.operands.back());
    const auto memory = std::ranges::find_if(at.operands, is_memory);
    if (memory == at.operands.end()) continue;
    const bool is_element =
        at.opcode == "vbroadcastss" || at.opcode == "movss" || memory->find("{1to") != std::string::npos;
    const bool is_store = memory + 1 == at.operands.end() && at.operands.size() > 1;
    if (std::regex_match(*memory, slot) || (frame && std::regex_match(*memory, frame_slot))) {
      ++loop.spills;
    } else if (is_element && !is_store) {
      ++loop.broadcasts;
    } else if (!is_store) {
      ++loop.loads;
    }
    if (is_store) ++loop.stores;
  }
  loop.accumulators = static_cast<int64_t>(sums.size());
  return loop;
}

}  // namespace

std::vector<InnermostLoop> innermost_loops(std::string_view assembly) {
  const std::vector<Instruction> all = instructions_of(assembly);
  std::map<std::string, size_t> labels;
  std::map<size_t, size_t> loops;  // from a label to the last jump back to it
  std::vector<bool> has_frame(all.size());
  bool frame = false;
  for (size_t i = 0; i < all.size(); ++i) {
    const Instruction& at = all[i];
    if (at.line.front() != '\t' && at.line.find(':') != std::string::npos) {
      const std::string name = at.line.substr(0, at.line.find(':'));
      if (!name.starts_with(".L")) frame = false;
      labels[name] = i;
    } else if (at.opcode == "movq" && at.operands == std::vector<std::string>{"%rsp", "%rbp"}) {
      frame = true;
    } else if (at.opcode.starts_with("j") && labels.contains(at.operands.front())) {
      loops[labels[at.operands.front()]] = i;
    }
    has_frame[i] = frame;
  }
  std::vector<InnermostLoop> result;
  for (const auto& loop : loops) {
    const bool has_another = std::ranges::any_of(loops, [&](const auto& other) {
      return other != loop && other.first >= loop.first && other.second <= loop.second;
    });
    if (has_another) continue;
    const std::span body = std::span(all).subspan(loop.first + 1, loop.second - loop.first);
    result.push_back(counted(body, has_frame[loop.first]));
  }
  return result;
}

std::vector<InnermostLoop> tile_loops(std::string_view assembly) {
  std::vector<InnermostLoop> result;
  for (InnermostLoop& loop : innermost_loops(assembly)) {
    const bool is_tile = loop.products > 0 && std::ranges::any_of(std::array{1, 2, 4}, [&](int64_t vectors) {
                           return loop.products == vectors * loop.broadcasts;
                         });
    if (is_tile) result.push_back(std::move(loop));
  }
  return result;
}

}  // namespace sinter::cpu::test
