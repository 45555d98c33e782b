#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "backends/vulkan/compile/glsl.h"
#include "backends/vulkan/compile/glsl_helpers.h"
#include "ir/error.h"

// Statements, and the shader around them.
namespace sinter::vulkan {

using loop::LoopKind;
using loop::Stmt;
using loop::StmtNode;

namespace {

constexpr size_t kPushConstants = 32;  // of 4 bytes: what every device has

bool has_barrier(const Stmt& stmt) {
  return stmt->kind == StmtNode::Kind::barrier || std::ranges::any_of(stmt->body, has_barrier);
}

}  // namespace

Shader emit_glsl(const loop::Kernel& kernel, const ShaderFeatures& features, const std::vector<bool>& moved,
                 bool is_guarded) {
  return GlslEmitter(kernel, features, moved).emit(is_guarded);
}

GlslEmitter::GlslEmitter(const loop::Kernel& kernel, const ShaderFeatures& features,
                         const std::vector<bool>& moved)
    : kernel_(kernel),
      features_(features),
      moved_(moved),
      shuffled_(kernel, features.shuffled_lanes),
      fours_(kernel),
      keeps_loops_(features.keeps_loops && has_barrier(kernel.body)) {
  variables_[subgroup_lane_.get()] = "int(gl_SubgroupInvocationID)";
  for (size_t i = 0; i < kernel.arguments.size(); ++i) {
    const loop::Buffer& buffer = *kernel.arguments[i];
    buffers_[&buffer] = unique(buffer.name);
    if (moved[i]) offsets_[&buffer] = unique("first_of_" + buffer.name);
  }
  if (offsets_.size() > kPushConstants) {
    unsupported(fmt::format("{} slices in one kernel of a loop", offsets_.size()));
  }
}

Shader GlslEmitter::emit(bool is_guarded) {
  uses_faults_ = is_guarded;
  if (is_guarded) line("if (fault != 0u) return;");
  emit(kernel_.body);
  Shader shader;
  shader.text = declarations() + "void main() {\n" + body_ + "}\n";
  shader.notes = "// " + kernel_.name + "\n";
  for (const std::string& note : kernel_.notes) shader.notes += "//   " + note + "\n";
  shader.groups = groups_;
  shader.reads_call = reads_call_;
  shader.uses_faults = uses_faults_;
  shader.reports_faults = reports_;
  return shader;
}

std::string GlslEmitter::declarations() const {
  std::string text = "#version 460\n";
  for (const std::string& extension : extensions_) {
    text += fmt::format("#extension {} : require\n", extension);
  }
  if (features_.keeps_nan || features_.keeps_denormals) {
    text += "#extension GL_EXT_spirv_intrinsics : require\n";
    // SignedZeroInfNanPreserve and DenormPreserve, of 32 bits.
    if (features_.keeps_nan) text += "spirv_execution_mode(capabilities = [4466], 4461, 32);\n";
    if (features_.keeps_denormals) text += "spirv_execution_mode(capabilities = [4464], 4459, 32);\n";
  }
  text += fmt::format("layout(local_size_x = {}) in;\n", lanes_);
  size_t binding = 0;
  std::string offsets;
  for (const loop::BufferRef& buffer : kernel_.arguments) {
    const std::string& name = buffers_.at(buffer.get());
    const char* type = buffer->type == loop::Type::boolean ? "uint8_t"
                       : buffer->type == loop::Type::f32   ? "float"
                       : buffer->type == loop::Type::f64   ? "double"
                       : buffer->type == loop::Type::i64   ? "int64_t"
                                                           : "int";
    text += fmt::format("layout(std430, binding = {}) {}buffer Binding{} {{ {} {}[]; }};\n", binding,
                        buffer->written ? "" : "readonly ", binding, type, name);
    if (fours_.uses(*buffer) && !offsets_.contains(buffer.get())) {
      text +=
          fmt::format("layout(std430, binding = {0}) readonly buffer Binding{0}By4 {{ vec4 {1}_by_4[]; }};\n",
                      binding, name);
    }
    ++binding;
    if (const auto it = offsets_.find(buffer.get()); it != offsets_.end()) {
      offsets += fmt::format(" int {};", it->second);
    }
  }
  if (!offsets.empty()) text += fmt::format("layout(push_constant) uniform Moved {{{} }};\n", offsets);
  if (reads_call_) {
    text += fmt::format(
        "layout(std430, binding = {}) readonly buffer Call {{\n"
        "  int seed_low, seed_high, call_step;\n  uint wanted_site, wanted_position;\n}};\n",
        binding++);
  }
  if (uses_faults_) {
    text += fmt::format(
        "layout(std430, binding = {}) coherent buffer Faults {{\n"
        "  uint fault, value_low, value_high;\n  uint first[];\n}};\n",
        binding);
  }
  text += shared_;
  std::set<std::string> done;
  const auto add = [&](const auto& self, const std::string& name) -> void {
    if (!done.insert(name).second) return;
    const Helper& helper = helpers().at(name);
    for (const std::string& need : helper.needs) self(self, need);
    text += helper.text;
  };
  for (const std::string& name : helpers_) add(add, name);
  return text;
}

void GlslEmitter::unsupported(const std::string& what) const {
  std::string where;
  for (const std::string& note : kernel_.notes) where += (where.empty() ? "" : ", ") + note;
  throw GraphError(fmt::format("the device does not have {}, in {} ({})", what, kernel_.name, where));
}

std::string GlslEmitter::unique(const std::string& name) {
  static const std::set<std::string> taken = {"in",   "out", "fault", "first", "half",   "input", "output",
                                              "main", "sum", "value", "lane",  "sample", "step"};
  std::string clean;
  for (const char c : name) {
    const bool fits = std::isalnum(static_cast<unsigned char>(c)) != 0 || (c == '_' && !clean.ends_with('_'));
    clean += fits ? c : clean.ends_with('_') ? 'x' : '_';
  }
  if (clean.empty() || std::isalpha(static_cast<unsigned char>(clean[0])) == 0) clean = "x" + clean;
  if (clean.ends_with('_')) clean += "x";
  const int count = names_[clean]++;
  if (count == 0 && !taken.contains(clean)) return clean;
  return unique(fmt::format("{}_{}", clean, count));
}

void GlslEmitter::line(const std::string& text) {
  body_.append(static_cast<size_t>(depth_) * 2, ' ');
  body_ += text + "\n";
}

void GlslEmitter::open(const std::string& text) {
  line(text + (text.empty() ? "{" : " {"));
  ++depth_;
}

void GlslEmitter::close() {
  --depth_;
  line("}");
}

void GlslEmitter::forget(const loop::Buffer& buffer) {
  std::erase_if(known_, [&](const auto& entry) { return entry.second.reads.contains(&buffer); });
}

void GlslEmitter::forget_writable() {
  std::erase_if(known_, [](const auto& entry) { return !entry.second.reads.empty(); });
}

void GlslEmitter::emit(const Stmt& stmt) {
  switch (stmt->kind) {
    case StmtNode::Kind::block:
      for (const Stmt& child : stmt->body) emit(child);
      return;
    case StmtNode::Kind::loop:
      return emit_loop(*stmt);
    case StmtNode::Kind::store:
      return emit_store(*stmt);
    case StmtNode::Kind::let:
      return emit_let(*stmt);
    case StmtNode::Kind::branch:
      return emit_branch(*stmt);
    case StmtNode::Kind::allocate:
      return emit_allocate(*stmt);
    case StmtNode::Kind::fault:
      return emit_fault(*stmt);
    case StmtNode::Kind::barrier:
      line("groupMemoryBarrier();");
      line("barrier();");
      forget_writable();
      return;
    case StmtNode::Kind::prefetch:
      return;  // GLSL has no word for it
  }
}

void GlslEmitter::emit_loop(const StmtNode& s) {
  count_uses({s.begin, s.extent});
  const std::string begin = value(s.begin);
  switch (s.loop_kind) {
    case LoopKind::workgroup: {
      const int64_t count = loop::as_integer(s.extent).value();
      groups_ = {std::min(count, features_.max_groups), 1};
      groups_[1] = (count + groups_[0] - 1) / groups_[0];
      if (groups_[1] > features_.max_groups) unsupported(fmt::format("{} workgroups", count));
      const std::string name = variables_[s.variable.get()] = unique(s.variable->name);
      std::string group = "int(gl_WorkGroupID.x)";
      if (groups_[1] > 1) group += fmt::format(" + int(gl_WorkGroupID.y) * {}", groups_[0]);
      line(fmt::format("int {} = {} + {};", name, begin, group));
      if (groups_[0] * groups_[1] != count) line(fmt::format("if ({} >= {}) return;", name, count));
      return emit(s.body[0]);
    }
    case LoopKind::lane: {
      lanes_ = loop::as_integer(s.extent).value();
      const std::string name = variables_[s.variable.get()] = unique(s.variable->name);
      const auto outside = known_;
      open("");
      line(fmt::format("int {} = {} + int(gl_LocalInvocationID.x);", name, begin));
      emit(s.body[0]);
      close();
      known_ = outside;
      return forget_writable();
    }
    case LoopKind::serial: {
      kept_.push_back(s.begin + s.extent);
      const std::string end = value(kept_.back());
      const std::string name = variables_[s.variable.get()] = unique(s.variable->name);
      const auto outside = known_;
      forget_writable();
      if (keeps_loops_) extensions_.insert("GL_EXT_control_flow_attributes");
      open(fmt::format("{3}for (int {0} = {1}; {0} < {2}; ++{0})", name, begin, end,
                       keeps_loops_ ? "[[dont_unroll]] " : ""));
      emit(s.body[0]);
      close();
      known_ = outside;
      return forget_writable();
    }
    default:
      throw InternalError("kernel " + kernel_.name + ": a loop that no shader has");
  }
}

void GlslEmitter::emit_store(const StmtNode& s) {
  count_uses({s.index, s.value, s.condition});
  const std::string index = value(s.index);
  std::string stored = value(s.value);
  const loop::Buffer& buffer = *s.buffer;
  if (buffer.type == loop::Type::boolean && buffer.space == loop::Space::global) {
    stored = fmt::format("uint8_t({})", stored);
  }
  const std::string guard = s.condition ? fmt::format("if ({}) ", value(s.condition)) : "";
  line(fmt::format("{}{} = {};", guard, element(buffer, index), stored));
  forget(buffer);
}

void GlslEmitter::emit_let(const StmtNode& s) {
  count_uses({s.value});
  const Text bound = text_of(s.value);
  const std::string name = variables_[s.variable.get()] = unique(s.variable->name);
  // What is bound keeps its value, whatever is stored afterwards.
  line(fmt::format("{} {} = {};", type_name(s.variable->type), name, bound.text));
  emit(s.body[0]);
}

void GlslEmitter::emit_branch(const StmtNode& s) {
  count_uses({s.condition});
  const std::string condition = value(s.condition);
  const auto outside = known_;
  open(fmt::format("if ({})", condition));
  emit(s.body[0]);
  close();
  known_ = outside;
  forget_writable();
  if (s.body.size() < 2) return;
  open("else");
  emit(s.body[1]);
  close();
  known_ = outside;
  forget_writable();
}

void GlslEmitter::emit_allocate(const StmtNode& s) {
  const loop::Buffer& buffer = *s.buffer;
  // Parts of a workgroup's kernel may share their shared memory.
  const bool is_known = buffer.space == loop::Space::shared && buffers_.contains(&buffer);
  if (is_known) return emit(s.body[0]);
  const std::string name = buffers_[&buffer] = unique(buffer.name);
  const std::string text =
      fmt::format("{} {}[{}];", type_name(buffer.type), name, std::max<int64_t>(buffer.size, 1));
  if (buffer.space == loop::Space::shared) {
    shared_ += "shared " + text + "\n";
  } else {
    line(text);
  }
  forget(buffer);
  emit(s.body[0]);
}

void GlslEmitter::emit_fault(const StmtNode& s) {
  uses_faults_ = reads_call_ = reports_ = true;
  count_uses({s.condition, s.position, s.value});
  const std::string condition = value(s.condition), position = value(s.position);
  std::string low = "0u", high = "0u";
  if (s.value) {
    const std::string found = value(s.value);
    switch (s.value->type) {
      case loop::Type::f32:
        low = call("floatBitsToUint", {found});
        break;
      case loop::Type::f64:
        low = fmt::format("unpackDouble2x32({}).x", found);
        high = fmt::format("unpackDouble2x32({}).y", found);
        break;
      case loop::Type::i64:
        low = fmt::format("uint({})", found);
        high = fmt::format("uint({} >> 32)", found);
        break;
      default:
        low = fmt::format("uint({})", found);
        high = fmt::format("uint(int({}) >> 31)", found);
    }
  }
  open(fmt::format("if ({})", condition));
  line("atomicOr(fault, 1u);");
  line(fmt::format("atomicMin(first[{}], uint({}));", s.site, position));
  open(fmt::format("if (wanted_site == {}u && wanted_position == uint({}))", s.site, position));
  line(fmt::format("value_low = {};", low));
  line(fmt::format("value_high = {};", high));
  close();
  close();
}

}  // namespace sinter::vulkan
