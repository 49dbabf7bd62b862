in vec4 colour;

layout(location = 0) out vec4 picture;
layout(location = 1) out vec4 depth;  // m; its alpha of 1 keeps blending away from it
layout(location = 2) out int body;

#if TEXTURED
flat in int body_id;

const int FLAT = 1, CUBE = 2, SIX_SIDED_CUBE = 3;  // kinds of texture; 0 is none

uniform sampler2DArray pages;

in vec3 texture_coordinate;
flat in ivec2 texture_kind_and_page;

vec3 onto_side(int side, vec3 v) {  // across, down, out
    switch (side) {
        case 0: return vec3(-v.z, -v.y, v.x);
        case 1: return vec3(v.z, -v.y, -v.x);
        case 2: return vec3(v.x, v.z, v.y);
        case 3: return vec3(v.x, -v.z, -v.y);
        case 4: return vec3(v.x, -v.y, v.z);
        default: return vec3(-v.x, -v.y, -v.z);
    }
}

vec4 cube(vec3 v, int page, bool six_sided) {
    vec3 size = abs(v);
    int side = size.x >= size.y && size.x >= size.z ? (v.x > 0.0 ? 0 : 1)
             : size.y >= size.z ? (v.y > 0.0 ? 2 : 3) : (v.z > 0.0 ? 4 : 5);
    vec3 at = onto_side(side, v), right = onto_side(side, dFdx(v)), down = onto_side(side, dFdy(v));
    // Derivatives by the quotient rule: across an edge of the cube differences would jump.
    vec2 dx = 0.5 * (right.xy * at.z - at.xy * right.z) / (at.z * at.z);
    vec2 dy = 0.5 * (down.xy * at.z - at.xy * down.z) / (at.z * at.z);
    return textureGrad(pages, vec3(0.5 * at.xy / at.z + 0.5, page + (six_sided ? side : 0)), dx, dy);
}

vec4 textured(vec4 plain) {
    int kind = texture_kind_and_page.x, page = texture_kind_and_page.y;
    if (kind == FLAT) return plain * texture(pages, vec3(texture_coordinate.xy - 0.5, page));
    if (kind >= CUBE) return plain * cube(texture_coordinate, page, kind == SIX_SIDED_CUBE);
    return plain;
}
#endif

void main() {
#if TEXTURED
    picture = textured(colour);
    body = body_id;
#else
    picture = vec4(colour.rgb, 1.0);
    body = int(round(colour.a));
#endif
    depth = vec4(1.0 / gl_FragCoord.w, 0.0, 0.0, 1.0);
}
