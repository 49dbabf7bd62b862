// OpenGL's fixed-function light, written out: computed at vertices and clamped there, as MuJoCo does.
// BatchProgramKey writes the head: TEXTURED, LIGHTS, KIND, GLOSSY.

const int CAMERA = 0, FAR_AWAY = 1;  // kinds of light; 2 stands in the scene

uniform vec2 planes;  // near, far; m
uniform vec4 light_place[LIGHTS];  // world: position, or where light comes from
uniform vec4 light_beam[LIGHTS];  // world direction; cosine of the cutoff
uniform vec4 light_fading[LIGHTS];  // attenuation: constant, linear, quadratic; exponent of the beam
uniform vec3 light_ambient[LIGHTS];
uniform vec3 light_diffuse[LIGHTS];
uniform vec3 light_specular[LIGHTS];

layout(location = 0) in vec3 point;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec3 texture_point;
// One of each for every visual in every picture:
layout(location = 3) in vec4 pose_x;  // rows of visual to world
layout(location = 4) in vec4 pose_y;
layout(location = 5) in vec4 pose_z;
layout(location = 6) in vec4 view_x;  // rows of world to camera
layout(location = 7) in vec4 view_y;
layout(location = 8) in vec4 view_z;
layout(location = 9) in vec4 rgba;
layout(location = 10) in vec4 gloss;  // specular, shininess, emission; body id
layout(location = 11) in vec4 texture_scale;  // scale; first page
layout(location = 12) in vec4 slot;  // layer, texture kind, focal length in half pictures

out vec4 colour;  // without textures the alpha is 1, and its place carries the body: each output costs time
#if TEXTURED
flat out int body_id;
out vec3 texture_coordinate;
flat out ivec2 texture_kind_and_page;
#endif

float shininess(float glance) {
#if TEXTURED
    return pow(glance, gloss.y);
#else  // all have PLAIN_SHININESS, 64: four powers at each vertex would take a tenth of a draw
    for (int i = 0; i < 6; ++i) glance *= glance;
    return glance;
#endif
}

vec3 lit(vec3 place, vec3 n, vec3 towards_eye) {
    vec3 matte = vec3(gloss.z), shine = vec3(0.0);
    float facing = dot(n, towards_eye);
    for (int i = 0; i < LIGHTS; ++i) {
        vec3 towards = KIND[i] == CAMERA ? view_z.xyz : light_place[i].xyz;
        float strength = 1.0;
        if (KIND[i] > FAR_AWAY) {
            towards -= place;
            float range = length(towards);
            towards /= range;
            strength = 1.0 / dot(light_fading[i].xyz, vec3(1.0, range, range * range));
            float along = -dot(towards, light_beam[i].xyz);
            strength *= along < light_beam[i].w ? 0.0 : pow(max(along, 1e-6), light_fading[i].w);
        }
        float slope = dot(n, towards);
        matte += strength * (light_ambient[i] + max(slope, 0.0) * light_diffuse[i]);
        if (GLOSSY[i]) {
            float halfway = 2.0 + 2.0 * dot(towards, towards_eye);  // squared length of the sum of both
            float glance = max((slope + facing) * inversesqrt(max(halfway, 1e-6)), 0.0);
            shine += (slope > 0.0 ? strength * shininess(glance) : 0.0) * light_specular[i];
        }
    }
    return min(matte * rgba.rgb + gloss.x * shine, 1.0);
}

void main() {
    vec4 p = vec4(point, 1.0);
    vec4 place = vec4(dot(pose_x, p), dot(pose_y, p), dot(pose_z, p), 1.0);
    vec3 n = vec3(dot(pose_x.xyz, normal), dot(pose_y.xyz, normal), dot(pose_z.xyz, normal));
    vec3 seen = vec3(dot(view_x, place), dot(view_y, place), dot(view_z, place));
    vec3 towards_eye = view_x.xyz * seen.x + view_y.xyz * seen.y + view_z.xyz * seen.z;
    towards_eye *= -inversesqrt(dot(seen, seen));
    colour = vec4(lit(place.xyz, n, towards_eye), TEXTURED == 1 ? rgba.a : gloss.w);
#if TEXTURED
    body_id = int(gloss.w);
    texture_coordinate = texture_point * texture_scale.xyz;
    texture_kind_and_page = ivec2(slot.y, texture_scale.w);
#endif
    // Near is 1 and far is 0, for precision.
    float nearness = planes.x * (planes.y + seen.z) / (planes.y - planes.x);
    gl_Position = vec4(seen.x * slot.z, seen.y * slot.z, nearness, -seen.z);
    gl_Layer = int(slot.x);
}
