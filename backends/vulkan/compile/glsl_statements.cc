#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "backends/vulkan/compile/glsl.h"
#include "backends/vulkan/compile/glsl_helpers.h"
#include "ir/error.h"
#include "ir/loop/parts.h"

// Statements, and the shader around them.
namespace sinter::vulkan {

using loop::LoopKind;
using loop::Stmt;
using loop::StmtNode;

namespace {

constexpr size_t kPushConstants = 32;  // of 4 bytes: what every device has
constexpr int64_t kMostTexels = 2;     // texel buffers of an argument: element by element, and by four

bool has_barrier(const Stmt& stmt) {
  return stmt->kind == StmtNode::Kind::barrier || std::ranges::any_of(stmt->body, has_barrier);
}

bool reads_written(const Stmt& stmt) {
  const auto is_written = [](const loop::ExprNode& x) {
    return x.kind == loop::ExprNode::Kind::load && x.buffer->space == loop::Space::global &&
           x.buffer->written;
  };
  const auto all = loop::expressions(*stmt);
  return std::ranges::any_of(all, [&](const loop::Expr* x) { return *x && loop::any_of(*x, is_written); }) ||
         std::ranges::any_of(stmt->body, reads_written);
}

FourViews four_views(const ShaderFeatures& features) {
  return !features.is_processor       ? FourViews::both
         : features.texel_buffers > 0 ? FourViews::exclusive
                                      : FourViews::of_reads;
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
      root_(loop::in_one_loop(kernel.parts)),
      shuffled_(root_, features.shuffled_lanes),
      fours_(kernel.arguments, root_, moved, four_views(features)),
      keeps_loops_(features.is_processor && has_barrier(root_)),
      orders_tensors_(features.is_processor || reads_written(root_)) {
  variables_[subgroup_lane_.get()] = "int(gl_SubgroupInvocationID)";
  for (size_t i = 0; i < kernel.arguments.size(); ++i) {
    const loop::Buffer& buffer = *kernel.arguments[i];
    buffers_[&buffer] = unique(buffer.name);
    if (moved[i]) offsets_[&buffer] = unique("first_of_" + buffer.name);
    const bool is_texels = buffer.type == loop::Type::f32 || buffer.type == loop::Type::i32;
    if (is_texels && static_cast<int64_t>(texels_.size() + 1) * kMostTexels <= features.texel_buffers) {
      texels_.insert(&buffer);
    }
  }
  if (offsets_.size() > kPushConstants) {
    unsupported(fmt::format("{} slices in one kernel of a loop", offsets_.size()));
  }
}

Shader GlslEmitter::emit(bool is_guarded) {
  uses_faults_ = is_guarded;
  if (is_guarded) line("if (fault != 0u) return;");
  emit(root_);
  report_faults();
  Shader shader;
  shader.text = declarations(shader.views) + "void main() {\n" + body_ + "}\n";
  shader.notes = "// " + kernel_.name + "\n";
  for (const std::string& note : kernel_.notes) shader.notes += "//   " + note + "\n";
  shader.groups = groups_;
  shader.reads_call = reads_call_;
  shader.uses_faults = uses_faults_;
  shader.reports_faults = !sites_.empty();
  return shader;
}

std::string GlslEmitter::declaration(const loop::Buffer& buffer, View::Kind kind, size_t binding) const {
  const std::string& name = buffers_.at(&buffer);
  const char* access = buffer.written ? "" : "readonly ";
  switch (kind) {
    case View::Kind::storage: {
      const char* type = is_in_words(buffer)                  ? "uint"
                         : buffer.type == loop::Type::boolean ? "uint8_t"
                         : buffer.type == loop::Type::f32     ? "float"
                         : buffer.type == loop::Type::f64     ? "double"
                         : buffer.type == loop::Type::i64     ? "int64_t"
                                                              : "int";
      std::string text = fmt::format("layout(std430, binding = {0}) {1}buffer Binding{0} {{ {2} {3}[]; }};\n",
                                     binding, access, type, name);
      if (fours_.uses(buffer) && !texels_.contains(&buffer)) {
        text += fmt::format("layout(std430, binding = {0}) {1}buffer Binding{0}By4 {{ vec4 {2}_by_4[]; }};\n",
                            binding, access, name);
      }
      return text;
    }
    case View::Kind::texels_f32:
      return fmt::format("layout(r32f, binding = {}) uniform {}imageBuffer {}_by_1;\n", binding, access,
                         name);
    case View::Kind::texels_f32_by_4:
      return fmt::format("layout(rgba32f, binding = {}) uniform {}imageBuffer {}_by_4;\n", binding, access,
                         name);
    case View::Kind::texels_i32:
      return fmt::format("layout(r32i, binding = {}) uniform {}iimageBuffer {}_by_1;\n", binding, access,
                         name);
  }
  throw InternalError("unknown view");
}

std::string GlslEmitter::declarations(std::vector<View>& views) const {
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
  std::string offsets;
  for (size_t i = 0; i < kernel_.arguments.size(); ++i) {
    const loop::BufferRef& buffer = kernel_.arguments[i];
    if (const auto used = views_.find(buffer.get()); used != views_.end()) {
      for (const View::Kind kind : used->second) {
        text += declaration(*buffer, kind, views.size());
        views.push_back({i, kind});
      }
    }
    if (const auto it = offsets_.find(buffer.get()); it != offsets_.end()) {
      offsets += fmt::format(" int {};", it->second);
    }
  }
  size_t binding = views.size();
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
    const Helper& helper = helpers(features_.is_processor).at(name);
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

// barrier() orders shared memory by itself, subgroupBarrier() all memory.
void GlslEmitter::emit_barrier(const StmtNode& s) {
  if (s.lanes != 0) {
    extensions_.insert("GL_KHR_shader_subgroup_basic");
    line("subgroupBarrier();");
    return forget_writable();
  }
  if (orders_tensors_) line("groupMemoryBarrier();");
  line("barrier();");
  forget_writable();
}

void GlslEmitter::emit_block(const StmtNode& s) {
  for (size_t i = 0; i < s.body.size(); ++i) {
    const auto vector = fours_.stores(s.body, i);
    const bool is_seen = vector && (!features_.is_processor || texels_.contains(s.body[i]->buffer.get()));
    if (!is_seen) {
      emit(s.body[i]);
      continue;
    }
    emit_stores(&s.body[i], *vector);
    i += 3;
  }
}

void GlslEmitter::emit_stores(const Stmt* four, const loop::Expr& vector) {
  count_uses({vector, four[0]->value, four[1]->value, four[2]->value, four[3]->value});
  std::string values;
  for (size_t lane = 0; lane < 4; ++lane) values += (lane == 0 ? "" : ", ") + value(four[lane]->value);
  const loop::Buffer& buffer = *four[0]->buffer;
  const std::string& name = buffers_.at(&buffer);
  if (buffer.space == loop::Space::shared) {
    line(fmt::format("{}[{}] = vec4({});", name, value(vector), values));
  } else if (texels_.contains(&buffer)) {
    need(buffer, View::Kind::texels_f32_by_4);
    line(fmt::format("imageStore({}_by_4, {}, vec4({}));", name, value(vector), values));
  } else {
    need(buffer, View::Kind::storage);
    line(fmt::format("{}_by_4[{}] = vec4({});", name, value(vector), values));
  }
  forget(buffer);
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
    case LoopKind::unrolled:
      // Compilers of drivers for the CPU know best: SwiftShader's takes memory without end for what is
      // unrolled before it.
      if (!features_.is_processor) return emit_repeated(s, "[[unroll]] ");
      [[fallthrough]];
    case LoopKind::serial:
      return emit_repeated(s, keeps_loops_ ? "[[dont_unroll]] " : "");
    default:
      throw InternalError("kernel " + kernel_.name + ": a loop that no shader has");
  }
}

void GlslEmitter::emit_repeated(const StmtNode& s, const char* hint) {
  const std::string begin = value(s.begin);
  const loop::Expr last = s.begin + s.extent;
  kept_.push_back(last);
  const std::string end = value(last);
  const std::string name = variables_[s.variable.get()] = unique(s.variable->name);
  const auto outside = known_;
  forget_writable();
  if (*hint != 0) extensions_.insert("GL_EXT_control_flow_attributes");
  open(fmt::format("{3}for (int {0} = {1}; {0} < {2}; ++{0})", name, begin, end, hint));
  ++loops_;
  emit(s.body[0]);
  --loops_;
  close();
  known_ = outside;
  forget_writable();
}

void GlslEmitter::emit_store(const StmtNode& s) {
  count_uses({s.index, s.value, s.condition});
  const loop::Buffer& buffer = *s.buffer;
  const std::string index = is_in_fours(buffer) ? "" : value(s.index);
  std::string stored = value(s.value);
  if (buffer.type == loop::Type::boolean && buffer.space == loop::Space::global && !is_in_words(buffer)) {
    stored = fmt::format("uint8_t({})", stored);
  }
  const std::string guard = s.condition ? fmt::format("if ({}) ", value(s.condition)) : "";
  if (is_in_words(buffer)) {
    store_byte(buffer, index, guard, stored);
    return forget(buffer);
  }
  const std::string place = is_in_fours(buffer) ? element_of_four(buffer, s.index) : element(buffer, index);
  line(fmt::format("{}{} = {};", guard, place, stored));
  forget(buffer);
}

void GlslEmitter::emit_let(const StmtNode& s) {
  count_uses({s.value});
  const Text bound = text_of(s.value);
  const std::string name = variables_[s.variable.get()] = unique(s.variable->name);
  // What is bound keeps its value, whatever is stored afterwards.
  line(fmt::format("{} {} = {};", type_name(s.variable->type), name, bound.text));
  if (const auto quarter = fours_.quarter_of(*s.variable)) {
    const std::string by_four = variables_[quarter.get()] = unique(quarter->name);
    line(fmt::format("int {} = {} >> 2;", by_four, name));
  }
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
  const std::string text = is_in_fours(buffer) ? fmt::format("vec4 {}[{}];", name, buffer.size / 4)
                                               : fmt::format("{} {}[{}];", type_name(buffer.type), name,
                                                             std::max<int64_t>(buffer.size, 1));
  if (buffer.space == loop::Space::shared) {
    shared_ += "shared " + text + "\n";
  } else {
    line(text);
  }
  forget(buffer);
  emit(s.body[0]);
}

// An invocation keeps its first failed check of a site, and tells of it at its end.
void GlslEmitter::emit_fault(const StmtNode& s) {
  uses_faults_ = reads_call_ = true;
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
  sites_.insert(s.site);
  const std::string fails = unique("fails");
  line(fmt::format("bool {} = {} && uint({}) < first_{};", fails, condition, position, s.site));
  line(fmt::format("low_{0} = {1} ? {2} : low_{0};", s.site, fails, low));
  line(fmt::format("high_{0} = {1} ? {2} : high_{0};", s.site, fails, high));
  line(fmt::format("first_{0} = {1} ? uint({2}) : first_{0};", s.site, fails, position));
}

void GlslEmitter::report_faults() {
  std::string text;
  for (const int64_t site : sites_) {
    text += fmt::format("  uint first_{0} = 0xffffffffu, low_{0} = 0u, high_{0} = 0u;\n", site);
    open(fmt::format("if (first_{} != 0xffffffffu)", site));
    line("atomicOr(fault, 1u);");
    line(fmt::format("atomicMin(first[{0}], first_{0});", site));
    open(fmt::format("if (wanted_site == {0}u && wanted_position == first_{0})", site));
    line(fmt::format("value_low = low_{};", site));
    line(fmt::format("value_high = high_{};", site));
    close();
    close();
  }
  body_ = text + body_;
}

}  // namespace sinter::vulkan
