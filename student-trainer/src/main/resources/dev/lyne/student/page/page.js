'use strict';
(() => {
  const page = JSON.parse(document.getElementById('data').textContent);
  const COLORS = 6;
  const SHAPES = ['circle', 'triangle', 'rect', 'rectRot', 'crossRot', 'star'];
  const GLYPHS = ['●', '▲', '■', '◆', '✕', '✱'];
  const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [4, 4], [1, 2]];
  const ALIGNED = 128; // pixels of a vertical axis whose chart has another above or below it
  const MOST_MARKS = 60; // a line of more points has none
  const drawings = [];
  Chart.defaults.animation = false;
  Chart.defaults.locale = 'en';

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function figure(value) {
    return value.toLocaleString('en',
      Math.abs(value) >= 1e4 ? {maximumFractionDigits: 0} : {maximumSignificantDigits: 5});
  }

  /** The value of a colour of the style sheet in the light or dark of now. */
  function color(name, opacity = 1) {
    const probe = document.body.appendChild(make('i', {hidden: true}));
    probe.style.color = `var(--${name})`;
    const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g);
    probe.remove();
    return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
  }

  /** A name in lines of a few words, for an axis. */
  function wrapped(name, most) {
    const lines = [''];
    for (const word of name.split(' ')) {
      const last = lines.length - 1;
      const longer = lines[last] ? `${lines[last]} ${word}` : word;
      if (longer.length > most && lines[last]) {
        lines.push(word);
      } else {
        lines[last] = longer;
      }
    }
    return lines;
  }

  function place(axis, value) {
    return axis.names ? axis.names[Math.round(value)] ?? '' : figure(value);
  }

  /** How far a line's marks stand beside their place, so that those of several lines do not cover each other. */
  function aside(chart, line) {
    const lines = Math.max(...chart.lines.map(other => other.color)) + 1;
    return chart.x.names && chart.lines.some(other => other.details) && line.style !== 'level'
      ? (line.color - (lines - 1) / 2) * Math.min(0.1, 0.6 / lines) : 0;
  }

  /** Ticks without those at the ends of the data, which are not round and cover their neighbours. */
  function round(ticks) {
    const step = ticks.length > 2 ? ticks[2].value - ticks[1].value : 0;
    return ticks.filter((tick, i) => i > 0 && i < ticks.length - 1
      || !step || Math.abs(tick.value / step - Math.round(tick.value / step)) < 1e-6);
  }

  function datasets(chart, line, hidden) {
    const shift = aside(chart, line);
    const own = line.style === 'level' ? 'soft' : `c${line.color % COLORS}`;
    const faint = line.style === 'faint' || line.style === 'dots';
    const ink = color(own, faint ? 0.45 : 1);
    const marks = {strong: line.points.length > MOST_MARKS ? 0 : 4, faint: 0, marks: 5, dots: 3, level: 0}[line.style];
    const sets = [{
      type: 'line',
      label: line.name,
      line,
      hidden,
      data: line.points.map(([x, y]) => ({x: x + shift, y})),
      order: faint ? 2 : 1,
      showLine: line.style !== 'dots' && line.style !== 'marks',
      borderColor: ink,
      borderWidth: line.style === 'faint' || line.style === 'level' ? 1.2 : 2,
      borderDash: line.style === 'level' ? [3, 4] : line.style === 'strong' ? DASHES[line.color % COLORS] : [],
      pointStyle: faint ? 'circle' : SHAPES[line.color % COLORS],
      pointRadius: marks,
      pointHoverRadius: marks + 2,
      pointHitRadius: 8,
      pointBorderColor: ink,
      pointBackgroundColor: line.points.map((_, i) => line.details?.[i].hollow ? color('card') : ink),
    }];
    if (line.details?.some(detail => detail.spread)) {
      sets.push({
        type: 'bar',
        label: '',
        line,
        hidden,
        order: 3,
        grouped: false,
        barThickness: 2,
        backgroundColor: color(own, 0.7),
        data: line.points.map(([x, y], i) => {
          const spread = line.details[i].spread ?? 0;
          return {x: x + shift, y: [y - spread, y + spread]};
        }),
      });
    }
    return sets;
  }

  function scale(axis, across, aligned) {
    const names = axis.names;
    return {
      type: 'linear',
      beginAtZero: axis.fromZero ?? false,
      bounds: across ? 'data' : 'ticks',
      offset: false,
      ...(names && {min: -0.5, max: names.length - 0.5}),
      ...(axis.to && {max: axis.to}),
      ...((across || names) && {
        afterBuildTicks: built => { built.ticks = names ? names.map((_, value) => ({value})) : round(built.ticks); },
      }),
      ...(aligned && {afterFit: built => { built.width = ALIGNED; }}),
      title: {display: true, text: axis.label, color: color('soft')},
      border: {color: color('soft')},
      grid: {color: color('line'), display: !across && !names, offset: false},
      ticks: {
        color: color('soft'),
        autoSkip: !names,
        includeBounds: false,
        maxTicksLimit: across ? 9 : 7,
        ...(axis.whole && {precision: 0}),
        ...(names && {callback: value => across ? wrapped(names[value] ?? '', names.length > 5 ? 10 : 16) : names[value] ?? ''}),
      },
    };
  }

  function configuration(chart, hidden) {
    return {
      type: 'line',
      data: {datasets: chart.lines.flatMap((line, i) => datasets(chart, line, hidden.has(i)))},
      options: {
        maintainAspectRatio: false,
        ...(chart.x.to && {layout: {autoPadding: false, padding: {top: 8, right: 12}}}),
        interaction: {mode: 'nearest', axis: chart.lines.some(line => line.details) ? 'xy' : 'x', intersect: false},
        scales: {x: scale(chart.x, true, false), y: scale(chart.y, false, Boolean(chart.x.to))},
        plugins: {
          legend: {display: false},
          tooltip: {
            usePointStyle: true,
            filter: item => item.dataset.type !== 'bar',
            callbacks: {
              title: items => items.length ? `${chart.x.label}: ${place(chart.x, items[0].parsed.x)}` : '',
              label: item => {
                const detail = item.dataset.line.details?.[item.dataIndex];
                const spread = detail?.spread ? ` ± ${figure(detail.spread)}` : '';
                return ` ${detail?.label || item.dataset.label}: ${place(chart.y, item.parsed.y)}${spread}`;
              },
            },
          },
        },
      },
    };
  }

  function described(chart) {
    const ends = chart.lines.filter(line => line.style !== 'dots')
      .map(line => `${line.name} ends at ${place(chart.y, line.points.at(-1)[1])}`);
    return `${chart.title}: ${chart.y.label} over ${chart.x.label}. ${ends.join('; ')}.`;
  }

  /** The points of a chart as a table, made when somebody opens it. */
  function numbers(chart) {
    const details = make('details', {className: 'numbers'}, make('summary', {}, 'Figures'));
    details.addEventListener('toggle', () => {
      const lines = chart.lines.filter(line => line.style !== 'level');
      const places = [...new Set(lines.flatMap(line => line.points.map(point => point[0])))].sort((a, b) => a - b);
      details.append(table({
        head: [chart.x.label, ...lines.map(line => line.name)],
        rows: places.map(x => [place(chart.x, x), ...lines.map(line =>
          line.points.filter(point => point[0] === x).map(point => place(chart.y, point[1])).join(', ') || '—')]),
      }));
    }, {once: true});
    return details;
  }

  const shown = {
    chart(chart) {
      const canvas = make('canvas', {role: 'img', ariaLabel: described(chart)});
      const hidden = new Set();
      let drawn;
      const draw = () => {
        drawn?.destroy();
        drawn = new Chart(canvas, configuration(chart, hidden));
      };
      const legend = make('div', {className: 'legend'}, ...chart.lines.map((line, i) => {
        const glyph = {strong: GLYPHS[line.color % COLORS], marks: GLYPHS[line.color % COLORS], faint: '—', dots: '•', level: '┄'};
        const mark = make('i', {className: line.style === 'level' ? '' : `c${line.color % COLORS}`}, glyph[line.style]);
        const key = make('button', {type: 'button', className: `key ${line.style}`, ariaPressed: 'true'}, mark, line.name);
        key.addEventListener('click', () => {
          if (!hidden.delete(i)) {
            hidden.add(i);
          }
          key.ariaPressed = String(!hidden.has(i));
          draw();
        });
        return key;
      }));
      drawings.push(draw);
      return make('figure', {id: `chart-${chart.id}`, className: 'card chart'},
        make('figcaption', {}, chart.title), legend, make('div', {className: 'plot'}, canvas), numbers(chart));
    },

    table(block) {
      return block.summary
        ? make('details', {className: 'card'}, make('summary', {}, block.summary), table(block))
        : table(block);
    },

    facts(block) {
      return make('dl', {className: 'card facts'}, ...block.facts.map(fact =>
        make('div', {}, make('dt', {}, fact.label), make('dd', {}, fact.value))));
    },

    shares(block) {
      const percent = share => `${(100 * share).toFixed(share >= 0.1 ? 0 : 1)} %`;
      return make('div', {className: 'card shares'},
        make('h3', {}, make('i', {className: `c${block.color % COLORS}`}, GLYPHS[block.color % COLORS]), ` ${block.title}`),
        make('p', {className: 'note'}, block.note),
        ...block.bars.flatMap(bar => [
          make('span', {}, bar.title),
          make('div', {className: 'bar'}, ...bar.parts.map((part, i) => {
            const piece = make('div', {className: `p${i % COLORS}`, title: `${part.name}: ${percent(part.share)}`});
            piece.style.flexGrow = part.share;
            return piece;
          })),
          make('ul', {}, ...bar.parts.map((part, i) =>
            make('li', {}, make('i', {className: `p${i % COLORS}`}), `${part.name} ${percent(part.share)}`))),
        ]));
    },

    texts(block) {
      return make('article', {className: 'card texts'}, make('blockquote', {}, `${block.beginning} …`),
        make('div', {className: 'columns'}, ...block.texts.map(text =>
          make('div', {}, make('h3', {}, text.author), make('p', {}, text.text)))));
    },

    paragraph(block) {
      return make('p', {}, block.text);
    },
  };

  function table(block) {
    return make('div', {className: 'scroll'}, make('table', {},
      make('thead', {}, make('tr', {}, ...block.head.map(name => make('th', {scope: 'col'}, name)))),
      make('tbody', {}, ...block.rows.map(row => make('tr', {}, ...row.map((cell, i) => i === 0
        ? make('th', {scope: 'row'}, cell)
        : make('td', {className: cell.length > 40 ? 'words' : ''}, cell)))))));
  }

  function section(part) {
    const element = make('section', {}, make('h2', {}, part.title));
    if (part.note) {
      element.append(make('p', {}, part.note));
    }
    let grid;
    for (const block of part.blocks) {
      const child = shown[block.kind](block);
      if (block.kind !== 'chart' && block.kind !== 'shares') {
        grid = undefined;
        element.append(child);
        continue;
      }
      if (!grid) {
        grid = element.appendChild(make('div', {className: 'charts'}));
      }
      grid.append(child);
      grid.classList.toggle('three', grid.children.length % 3 === 0);
    }
    return element;
  }

  /** Light or dark by the reader's system until the switch says otherwise. */
  function themes() {
    const system = matchMedia('(prefers-color-scheme: dark)');
    const button = make('button', {type: 'button', className: 'theme', ariaLabel: 'Light or dark', title: 'Light or dark'}, '◐');
    const redraw = () => drawings.forEach(draw => draw());
    button.addEventListener('click', () => {
      const root = document.documentElement;
      root.dataset.theme = (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark' ? 'light' : 'dark';
      redraw();
    });
    system.addEventListener('change', redraw);
    return button;
  }

  const main = document.querySelector('main');
  main.append(
    make('header', {}, themes(), make('h1', {}, page.title), make('p', {className: 'lead'}, page.lead)),
    make('div', {className: 'cards'}, ...page.cards.map(card => make('div', {className: 'card'},
      make('span', {className: 'note'}, card.label), make('strong', {}, card.value), make('span', {className: 'note'}, card.note)))),
    ...page.sections.map(section));
  const alone = location.hash.match(/^#chart=(.+)$/);
  if (alone) {
    const chart = document.getElementById(`chart-${alone[1]}`);
    document.body.className = 'alone';
    main.replaceChildren(chart ?? `no chart ${alone[1]}`);
  }
  drawings.forEach(draw => draw());
})();
