    {site:String} AS site,
    {end:DateTime64(3, 'UTC')} AS until,
    {range:Array(DateTime64(3, 'UTC'))} AS range, -- of traffic_range.sql
    range[2] AS days_from,
    range[3] AS days_until,
    range[4] AS head_from,
    range[5] AS head_until,
    range[6] AS tail_from,
    range[7] AS tail_until,
    range[8] AS raw_from
